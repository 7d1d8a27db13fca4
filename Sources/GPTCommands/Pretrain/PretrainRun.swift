internal import GPTJSON
internal import GPTModel
internal import GPTOps
internal import GPTTensor
internal import GPTTokenizer
internal import GPTTraining
import Glibc

/// Builds what a run of pretraining needs and trains.
struct PretrainRun {
  private let source: RunSource<PretrainArguments>
  private let folder: RunFolder
  private let corpus: PreparedCorpus
  private let isInterrupted: () -> Bool
  private let arguments: PretrainArguments
  private let configuration: ModelConfiguration

  init(
    _ source: RunSource<PretrainArguments>, _ folder: RunFolder, _ corpus: PreparedCorpus,
    isInterrupted: @escaping () -> Bool
  ) throws(TrainingError) {
    self.source = source
    self.folder = folder
    self.corpus = corpus
    self.isInterrupted = isInterrupted
    var arguments = source.arguments
    configuration = try arguments.complete(
      trainingTokens: corpus.trainingTokens, vocabularySize: corpus.vocabularySize)
    self.arguments = arguments
  }

  func run() throws -> RunSummary {
    try checkMemory()
    let training = arguments.training
    let context: ComputeContext
    do { context = try training.makeContext(for: configuration) } catch {
      throw TrainingError.model(error)
    }
    let data = try makeData()
    let model = TrainingModel(
      configuration: configuration, options: training.modelOptions, context: context,
      seed: training.seed ?? TrainingArguments.defaultSeed)
    let writer = try SampleWriter(corpus: corpus, configuration: configuration)
    var task = TrainingTask(
      model: model, data: data, cost: StepCost(configuration),
      saved: try WholeModel(
        configuration, model.parameters, tokenizerFolder: corpus.tokenizerFolder),
      hashes: try hashes())
    task.makeSample = { _ in writer.write(model.transformer) }
    task.facts = facts + [("products in", context.floatProducts.rawValue)]
    task.bitsPerNat = corpus.bitsPerByte(ofLoss: 1)
    return try TrainingRun(
      source: source, folder: folder, arguments: arguments, task: task,
      isInterrupted: isInterrupted
    ).run()
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

  private func checkMemory() throws(TrainingError) {
    let training = arguments.training
    let estimate = MemoryEstimate(
      configuration, sequenceCount: training.batchSize ?? 1,
      microBatchCount: training.accumulate ?? 1, optimizer: training.optimizer ?? .adamw,
      hasAverage: training.ema != nil, checkpointsActivations: training.activationCheckpointing)
    try estimate.check(
      parameterCount: configuration.parameterCount,
      lower: "--batch-size, --context-length, --width, --blocks, or --activation-checkpointing")
  }

  /// Of the corpus' manifest, and of the tokenizer's files in the order of their names.
  private func hashes() throws(TrainingError) -> RunManifest.Hashes {
    if let earlier = source.earlier, earlier.manifest.hashes.corpus != corpus.manifestHash {
      throw .invalid(
        location: corpus.folder,
        found: "the corpus has changed since the run began: its manifest's SHA-256 is "
          + corpus.manifestHash,
        expected: "\(earlier.manifest.hashes.corpus.printable(limit: 100)) as in "
          + earlier.path.printable())
    }
    let lines = corpus.tokenizerHashes.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }
    return RunManifest.Hashes(
      corpus: corpus.manifestHash,
      tokenizer: SHA256.digest(of: Array(lines.joined().utf8)).hexadecimal)
  }

  /// What stays as it is, beside the options.
  private var facts: [(String, String)] {
    let count = (Double(configuration.parameterCount) / 1e6).rounded(to: 2)
    let tokens = "\(corpus.trainingTokens) for training, \(corpus.validationTokens) for validation"
    return [
      ("text", arguments.corpus.paths.joined(separator: ", ")), ("corpus", corpus.folder),
      ("parameters", "\(count) million"), ("tokens", tokens),
      ("vocabulary", "\(corpus.vocabularySize)"),
    ]
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
