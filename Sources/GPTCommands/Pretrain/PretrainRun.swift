internal import GPTJSON
internal import GPTModel
internal import GPTOps
internal import GPTTensor
internal import GPTTokenizer
internal import GPTTraining
import Glibc

/// Builds everything that a run needs and trains.
struct PretrainRun {
  private let source: RunSource
  private let corpus: PreparedCorpus
  private let isInterrupted: () -> Bool
  private let arguments: PretrainArguments
  private let configuration: ModelConfiguration

  init(
    _ source: RunSource, _ corpus: PreparedCorpus, isInterrupted: @escaping () -> Bool
  ) throws(TrainingError) {
    self.source = source
    self.corpus = corpus
    self.isInterrupted = isInterrupted
    var arguments = source.arguments
    configuration = try arguments.complete(
      trainingTokens: corpus.trainingTokens, vocabularySize: corpus.vocabularySize)
    self.arguments = arguments
  }

  func run() throws -> RunSummary {
    try checkMemory()
    let context = try makeContext()
    let training = arguments.training
    let options = try training.trainerOptions(configuration)
    let schedule = training.learningRates(steps: options.steps ?? 1)
    try schedule.validate()
    try training.optimizerOptions.validate()
    let data = try makeData()
    let model = TrainingModel(
      configuration: configuration, options: training.modelOptions, context: context,
      seed: options.seed)
    let optimizer = makeOptimizer(training.optimizerOptions, parameters: model.parameters)
    let average = training.ema.map { WeightAverage(model.parameters, decay: Float($0)) }
    let contents = try CheckpointContents(
      configuration: configuration, parameters: model.parameters, optimizerState: optimizer.state,
      averages: average?.state ?? [], tokenizerFolder: corpus.tokenizerFolder)
    let manifest = manifest
    let checkpoints = try makeCheckpoints(contents, manifest)
    let path = source.folder.path
    let watcher = try RunWatcher(
      folder: path, facts: facts, bitsPerNat: corpus.bitsPerByte(ofLoss: 1),
      metrics: MetricsLog(path: "\(path)/metrics.jsonl"),
      samples: SampleLog(path: "\(path)/samples.jsonl"))
    let store = FolderStore(
      folder: source.folder, checkpoints: checkpoints, contents: contents,
      manifest: source.manifest ?? manifest,
      savedType: arguments.training.saveType?.dtype ?? .f32, chosen: source.checkpoint,
      warn: { watcher.warn($0.description) })
    let trainer = Trainer(
      TrainerParts(
        model: model, optimizer: optimizer, schedule: schedule, average: average, data: data,
        store: store, metrics: watcher.metrics, samples: watcher.samples),
      options: options, surroundings: try makeSurroundings(watcher, context))
    let reason = try watcher.watching { try trainer.run() }
    return RunSummary(
      folder: path, reason: reason, state: trainer.state, seconds: trainer.seconds,
      corpus: corpus, hasValidation: data.validationBatchCount > 0)
  }

  private func makeContext() throws(TrainingError) -> ComputeContext {
    let precision: Precision =
      switch arguments.training.precision {
      case .fp32: .fp32
      case .bf16: .bf16
      case .auto, nil: .automatic
      }
    do {
      return try ComputeContext(
        threadCount: arguments.training.threads ?? ComputeContext.availableThreadCount,
        precision: precision)
    } catch { throw .model(.compute(error)) }
  }

  private func makeData() throws(TrainingError) -> TrainingData {
    let training = arguments.training
    let length = configuration.contextLength
    let sequences = training.batchSize ?? 1
    let batches = try BatchSource(
      shards: corpus.training, sequenceCount: sequences, length: length,
      seed: training.seed ?? TrainingArguments.defaultSeed)
    let validation = try ValidationBatches(
      shards: corpus.validation, sequenceCount: sequences, length: length,
      limit: training.validationBatches?.limit)
    return TrainingData(
      microBatch: { batches.batch(index: $0) }, validationBatchCount: validation.count,
      validationBatch: { validation[$0] })
  }

  /// An estimate: says so in place of an allocation that fails, or a kernel that ends the process.
  private func checkMemory() throws(TrainingError) {
    let training = arguments.training
    let estimate = MemoryEstimate(
      configuration, sequenceCount: training.batchSize ?? 1,
      microBatchCount: training.accumulate ?? 1, optimizer: training.optimizer ?? .adamw,
      hasAverage: training.ema != nil, checkpointsActivations: training.activationCheckpointing)
    guard let available = ProcessMemory.availableBytes(), estimate.totalBytes > Double(available)
    else { return }
    func text(_ bytes: Double) -> String { "\((bytes / 1e9).rounded(to: 1)) GB" }
    throw .invalid(
      location: "memory", found: "\(text(Double(available))) available",
      expected: "about \(text(estimate.totalBytes)) (\(text(estimate.parameterBytes)) for "
        + "\(configuration.parameterCount) parameters and their optimizer, "
        + "\(text(estimate.activationBytes + estimate.batchBytes)) for a step's tokens); lower: "
        + "--batch-size, --context-length, --width, --blocks, or --activation-checkpointing")
  }

  private var manifest: RunManifest {
    RunManifest(
      version: CommandLineTool.version,
      seed: arguments.training.seed ?? TrainingArguments.defaultSeed,
      corpusHash: corpus.manifestHash, tokenizerHash: tokenizerHash,
      options: OptionValues.of(arguments))
  }

  /// Checks that the run is the one it was, asks for room on the disk and writes what the run is.
  private func makeCheckpoints(
    _ contents: CheckpointContents, _ manifest: RunManifest
  ) throws(TrainingError) -> CheckpointStore {
    let folder = source.folder.path
    let checkpoints = CheckpointStore(runFolder: folder, keepLast: arguments.training.keep ?? 2)
    if let earlier = source.manifest, let earlierPath = source.manifestPath {
      guard earlier.corpusHash == corpus.manifestHash else {
        throw .invalid(
          location: corpus.folder,
          found: "the corpus has changed since the run began: its manifest's SHA-256 is "
            + corpus.manifestHash,
          expected: "\(earlier.corpusHash.printable(limit: 100)) as in \(earlierPath.printable())")
      }
      try earlier.completed(from: manifest, changeable: PretrainArguments.changeable)
        .check(equals: manifest, location: earlierPath)
      checkpoints.removeTemporaryFolders()
    }
    try checkpoints.checkSpace(for: contents)
    if source.isNewFolder {
      try (source.manifest ?? manifest).write(to: "\(folder)/\(RunManifest.fileName)")
    }
    return checkpoints
  }

  /// Of the tokenizer's files in the order of their names.
  private var tokenizerHash: String {
    let lines = corpus.tokenizerHashes.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }
    return SHA256.digest(of: Array(lines.joined().utf8)).hexadecimal
  }

  private func makeSurroundings(
    _ watcher: RunWatcher, _ context: ComputeContext
  ) throws(TrainingError) -> TrainerSurroundings {
    var surroundings = TrainerSurroundings()
    surroundings.memoryBytes = { try? ProcessMemory.peakBytes() }
    surroundings.peakOperationsPerSecond = measureMatrixPeak(in: context)
    surroundings.isInterrupted = isInterrupted
    surroundings.observe = { watcher.observe($0) }
    let writer = try SampleWriter(corpus: corpus, configuration: configuration)
    surroundings.makeSample = { writer.write($0) }
    return surroundings
  }

  /// What stays as it is; options are there in full.
  private var facts: [(String, String)] {
    let count = (Double(configuration.parameterCount) / 1e6).rounded(to: 2)
    let tokens = "\(corpus.trainingTokens) for training, \(corpus.validationTokens) for validation"
    let options = OptionValues.of(arguments).members.map { name, value in
      ("--\(name)", value.string ?? value.encoded())
    }
    return [
      ("text", arguments.corpus.paths.joined(separator: ", ")), ("corpus", corpus.folder),
      ("parameters", "\(count) million"), ("tokens", tokens),
      ("vocabulary", "\(corpus.vocabularySize)"),
    ] + options
  }
}

extension PreparedCorpus {
  /// Bits for a byte of the validation part's UTF-8 text.
  ///
  /// - Parameter loss: nats a token
  func bitsPerByte(ofLoss loss: Double) -> Double {
    loss / log(2) * Double(validationTokens) / Double(max(1, validationBytes))
  }
}
