import Foundation
import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import GPTTraining
import Testing

@Suite struct RunResumeTests {
  /// What is on the disk while a run is at work is what a kill -9 leaves, so a copy of it, made in
  /// the middle of a run, stands for the killed run.
  @Test(arguments: ModelShape.Family.allCases, [OptimizerOptions.Kind.adamw, .muon])
  func aRunThatWasKilledGoesOnToTheSameBytes(
    family: ModelShape.Family, optimizer: OptimizerOptions.Kind
  ) throws {
    try withTemporaryFolder { folder in
      let (whole, killed) = ("\(folder)/whole", "\(folder)/killed")
      try FileManager.default.createDirectory(
        atPath: whole, withIntermediateDirectories: false)
      var copied = false
      try run(in: whole, family: family, optimizer: optimizer) { event in
        guard case .step(let progress) = event, progress.step == 17 else { return }
        copied = (try? FileManager.default.copyItem(atPath: whole, toPath: killed)) != nil
      }
      try #require(copied)
      var resumedAt: Int?
      try run(in: killed, family: family, optimizer: optimizer) { event in
        if case .began(let state, resumed: true) = event { resumedAt = state.step }
      }
      #expect(resumedAt == 12)
      let files = try contents(of: whole)
      #expect(files.keys.contains("checkpoints/step-00000040/optimizer.safetensors"))
      #expect(try contents(of: killed) == files)
    }
  }

  private func run(
    in folder: String, family: ModelShape.Family, optimizer kind: OptimizerOptions.Kind,
    observe: @escaping (TrainerEvent) -> Void
  ) throws {
    let shape = ModelShape(
      family: family, blockCount: 2, width: 16, headCount: 2, contextLength: 8)
    let configuration = try shape.configuration(vocabularySize: 11)
    var dropout = TrainingModelOptions()
    (dropout.attentionDropout, dropout.residualDropout) = (0.1, 0.2)
    let model = TrainingModel(
      configuration: configuration, options: dropout,
      context: try ComputeContext(threadCount: 2, precision: .fp32), seed: 5)
    let optimizer = makeOptimizer(OptimizerOptions(kind: kind), parameters: model.parameters)
    let average = WeightAverage(model.parameters, decay: 0.9)
    let manifest = RunManifest(
      version: "1", seed: 5, hashes: RunManifest.Hashes(corpus: ""), options: JSONObject())
    let isNew = !FileManager.default.fileExists(atPath: "\(folder)/run.json")
    let runFolder = isNew ? try RunFolder.create(folder) : try RunFolder.open(folder)
    if isNew { try manifest.write(to: "\(folder)/run.json") }
    let store = FolderStore(
      folder: runFolder, checkpoints: CheckpointStore(runFolder: folder, keepLast: 2),
      contents: CheckpointContents(
        WholeModel(configuration, model.parameters, tokenizer: nil),
        optimizerState: optimizer.state, averages: average.state),
      manifest: manifest)
    var options = TrainerOptions(steps: 40)
    (options.validateEvery, options.checkpointEvery, options.logEvery) = (7, 6, 2)
    (options.microBatchCount, options.seed) = (2, 5)
    var surroundings = TrainerSurroundings()
    surroundings.observe = observe
    let trainer = Trainer(
      TrainerParts(
        model: model, optimizer: optimizer,
        schedule: LearningRateSchedule(peak: 0.01, warmupSteps: 4, totalSteps: 40),
        average: average, data: data, store: store,
        metrics: try MetricsLog(path: "\(folder)/metrics.jsonl"),
        samples: try SampleLog(path: "\(folder)/samples.jsonl")),
      options: options, surroundings: surroundings)
    #expect(try trainer.run() == .steps)
  }

  private var data: TrainingData {
    func batch(_ index: Int) -> TokenBatch {
      let tokens = (0..<25).map { Int32((index * 7 + $0 * $0 * 3 + $0 * index) % 11) }
      return TokenBatch(
        sequenceCount: 3, length: 8, inputs: Array(tokens.dropLast()),
        targets: Array(tokens.dropFirst()))
    }
    return TrainingData(
      microBatch: batch, validationBatchCount: 2, validationBatch: { batch($0 + 5000) })
  }

  /// The bytes of all files by path; of the metrics, what does not tell the time.
  private func contents(of folder: String) throws -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      var isFolder: ObjCBool = false
      let path = "\(folder)/\(name)"
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        !isFolder.boolValue
      else { continue }
      if name == "metrics.jsonl" {
        let lines = try MetricsLog(path: path).records.map { record in
          var record = record
          (record.seconds, record.tokensPerSecond) = (nil, nil)
          return record.json.encoded()
        }
        result[name] = Array(lines.joined(separator: "\n").utf8)
      } else {
        result[name] = try readSmallFile(path: path, limit: 1 << 24)
      }
    }
    return result
  }
}
