import Foundation
import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import GPTTraining
import Testing

/// A run of a small model, new or an adapted one, in a folder.
struct SmallRun: CustomStringConvertible, Sendable {
  enum Kind: Sendable {
    case whole(ModelShape.Family)
    /// An adapter on the fixture of that name.
    case adapter(String)
    case lastBlock(String)
  }

  let kind: Kind
  var optimizer = OptimizerOptions.Kind.adamw
  var steps = 40
  /// Trains on one batch again and again, without dropout.
  var repeatsOneBatch = false

  var description: String { "\(kind) \(optimizer)" }

  private struct Parts {
    let model: TrainingModel
    let saved: any SavedModel
  }

  func run(in folder: String, observe: @escaping (TrainerEvent) -> Void = { _ in }) throws {
    let parts = try parts()
    let optimizer = makeOptimizer(
      OptimizerOptions(kind: optimizer), parameters: parts.model.parameters)
    let average = WeightAverage(parts.model.parameters, decay: 0.9)
    let manifest = RunManifest(
      version: "1", seed: 5, hashes: RunManifest.Hashes(corpus: ""), options: JSONObject())
    let isNew = !FileManager.default.fileExists(atPath: "\(folder)/run.json")
    let runFolder = isNew ? try RunFolder.create(folder) : try RunFolder.open(folder)
    if isNew { try manifest.write(to: "\(folder)/run.json") }
    let store = FolderStore(
      folder: runFolder, checkpoints: CheckpointStore(runFolder: folder, keepLast: 2),
      contents: CheckpointContents(
        parts.saved, optimizerState: optimizer.state, averages: average.state),
      manifest: manifest)
    var options = TrainerOptions(steps: steps)
    (options.validateEvery, options.checkpointEvery, options.logEvery) = (7, 6, 2)
    (options.microBatchCount, options.seed) = (2, 5)
    if case .whole = kind {} else { options.validatesFirst = true }
    var surroundings = TrainerSurroundings()
    surroundings.observe = observe
    let trainer = Trainer(
      TrainerParts(
        model: parts.model, optimizer: optimizer,
        schedule: LearningRateSchedule(peak: 0.01, warmupSteps: 4, totalSteps: steps),
        average: average, data: data, store: store,
        metrics: try MetricsLog(path: "\(folder)/metrics.jsonl"),
        samples: try SampleLog(path: "\(folder)/samples.jsonl")),
      options: options, surroundings: surroundings)
    #expect(try trainer.run() == .steps)
  }

  private func parts() throws -> Parts {
    var options = TrainingModelOptions()
    if !repeatsOneBatch { (options.attentionDropout, options.residualDropout) = (0.1, 0.2) }
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    switch kind {
    case .whole(let family):
      let shape = ModelShape(
        family: family, blockCount: 2, width: 16, headCount: 2, contextLength: 8)
      let model = TrainingModel(
        configuration: try shape.configuration(vocabularySize: 11), options: options,
        context: context, seed: 5)
      return Parts(
        model: model, saved: WholeModel(model.configuration, model.parameters, tokenizer: nil))
    case .adapter(let fixture):
      var opening = ModelOptions()
      (opening.threadCount, opening.precision) = (2, .fp32)
      let base = try OpenedModel.open(path: "\(ToyRun.fixtures)/\(fixture)", options: opening)
      var shape = AdapterOptions()
      (shape.rank, shape.dropout) = (3, repeatsOneBatch ? 0 : 0.1)
      shape.targets = [.query, .value, .up, .down]
      let adapter = Adapter(options: shape, configuration: base.configuration, seed: 5)
      return Parts(
        model: TrainingModel(adapting: base, adapter: adapter, options: options),
        saved: SavedAdapter(adapter, base.configuration, baseName: fixture))
    case .lastBlock(let fixture):
      let path = "\(ToyRun.fixtures)/\(fixture)"
      let model = try TrainingModel(
        loading: try TrainingSource.open(path: path), trainable: .lastBlocks(1), options: options,
        context: context)
      let files = try SourceModel.open(path: path)
      return Parts(
        model: model,
        saved: WholeModel(
          try files.folderConfiguration(), model.modelParameters,
          tokenizer: try files.folderTokenizer()))
    }
  }

  private var data: TrainingData {
    func batch(_ index: Int) -> TokenBatch {
      let tokens = (0..<25).map { Int32((index * 7 + $0 * $0 * 3 + $0 * index) % 11) }
      return TokenBatch(
        sequenceCount: 3, length: 8, inputs: Array(tokens.dropLast()),
        targets: Array(tokens.dropFirst()))
    }
    return TrainingData(
      microBatch: { batch(repeatsOneBatch ? 0 : $0) }, validationBatchCount: 2,
      validationBatch: { batch($0 + 5000) })
  }
}
