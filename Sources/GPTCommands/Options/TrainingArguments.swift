internal import ArgumentParser
internal import GPTTensor
internal import GPTTraining

extension OptimizerOptions.Kind: ExpressibleByArgument {}
extension LearningRateSchedule.Kind: ExpressibleByArgument {}

/// How a model is trained. What is not given is chosen by corpus and model.
struct TrainingArguments: ParsableArguments {
  @Option(help: "Optimizer steps (default: by model and data).") var steps: Int?
  @Option(
    help: ArgumentHelp(
      "What the run may take, in place of --steps: 30m, 1h30m, 1e9tok or 1e15flop.",
      valueName: "amount"))
  var budget: String?
  @Option(help: "Sequences computed at once (default: by their length and the data).")
  var batchSize: Int?
  @Option(help: "Batches whose gradients make one step (default: 1).") var accumulate: Int?

  @Option(help: "Largest learning rate (default: by model, method and optimizer).")
  var learningRate: Double?
  @Option(help: "The last learning rate as a share of the largest (default: 0.1; finetune 0).")
  var minimumLearningRateRatio: Double?
  @Option(help: "Steps in which the learning rate rises (default: at most 100, or 5 % of the run).")
  var warmupSteps: Int?
  @Option(help: "How the learning rate falls (default: cosine).")
  var schedule: LearningRateSchedule.Kind?

  @Option(help: "Optimizer (default: adamw).") var optimizer: OptimizerOptions.Kind?
  @Option(help: "Weight decay, of matrices only (default: 0.1; lion 1, sgd 0; finetune 0).")
  var weightDecay: Double?
  @Option(help: "Decay of the mean of gradients (default: 0.9).") var beta1: Double?
  @Option(help: "Decay of the mean of squared gradients (default: 0.99; finetune 0.999).")
  var beta2: Double?
  @Option(help: "Largest norm of all gradients; 0 lets them be (default: 1).") var clip: Double?

  @Option(
    help: "Share of activations left out (default: 0 to 0.2, by passes over the data; finetune 0).")
  var dropout: Double?
  @Option(help: "The same for attention's probabilities (default: --dropout).")
  var attentionDropout: Double?
  @Option(help: "The same for what a block adds (default: --dropout).")
  var residualDropout: Double?
  @Option(help: "The same for embeddings (default: --dropout).") var embeddingDropout: Double?
  @Option(help: "Share of a target's probability spread over all tokens (default: 0).")
  var labelSmoothing: Double?
  @Option(help: "Weight of the squared logarithm of the softmax's sum (default: 0).")
  var zLoss: Double?
  @Option(
    help: ArgumentHelp(
      "Train on, but validate and keep, an average of the weights with this decay a step.",
      valueName: "decay"))
  var ema: Double?
  @Option(
    help: "Validations without improvement that end the run; 0: never (default: 5; finetune 3).")
  var patience: Int?
  @Flag(help: "Compute activations twice instead of keeping them: less memory, slower.")
  var activationCheckpointing = false

  @Option(help: "Steps between validations (default: a twentieth of the run; finetune a tenth).")
  var validateEvery: Int?
  @Option(help: "Batches of the validation set, or 'all' (default: 20; finetune 50).")
  var validationBatches: BatchLimit?
  @Option(help: "Steps between samples; 0: none (default: every other validation).")
  var sampleEvery: Int?
  @Option(help: "Steps between lines of metrics.jsonl (default: at most 10).") var logEvery: Int?
  @Option(help: "Steps between checkpoints (default: with each validation).")
  var checkpointEvery: Int?
  @Option(help: "Checkpoints to keep besides the best model (default: 2).") var keep: Int?
  @Option(help: "Times to go back to a checkpoint after a NaN before giving up (default: 10).")
  var maxRollbacks: Int?

  @Option(help: "Seed of weights, batches and dropout (default: 1337).") var seed: UInt64?
  @Option(
    help: ArgumentHelp(
      "Precision of matrix products (default: auto).",
      discussion:
        "auto: 8 bits beside frozen quantised weights, otherwise bf16 where that is faster: not "
        + "below a width of 256 on matrix units."))
  var precision: ComputingArguments.Precision?
  @Option(help: "Type in which the finished model's weights are saved (default: f32).")
  var saveType: SavedType?
  @Option(help: "Threads that compute (default: one for each core).") var threads: Int?

  enum SavedType: String, ExpressibleByArgument, CaseIterable {
    case f32, bf16, f16

    var dtype: DType {
      switch self {
      case .f32: .f32
      case .bf16: .bf16
      case .f16: .f16
      }
    }
  }

  func validate() throws {
    if steps != nil, budget != nil { throw ValidationError("Give either --steps or --budget.") }
    if let budget {
      do { _ = try Budget(parsing: budget) } catch { throw ValidationError("--\(error)") }
    }
    try checkCounts()
    try checkShares()
  }

  private func checkCounts() throws {
    for (name, value, least) in [
      ("steps", steps, 1), ("batch-size", batchSize, 1), ("accumulate", accumulate, 1),
      ("warmup-steps", warmupSteps, 0), ("patience", patience, 0),
      ("validate-every", validateEvery, 1), ("sample-every", sampleEvery, 0),
      ("log-every", logEvery, 1), ("checkpoint-every", checkpointEvery, 1), ("keep", keep, 1),
      ("max-rollbacks", maxRollbacks, 0), ("threads", threads, 1),
    ] {
      guard let value, !(least...Self.largestCount).contains(value) else { continue }
      throw ValidationError("--\(name) must be \(least) to \(Self.largestCount).")
    }
    if let maxRollbacks, maxRollbacks > Self.largestRollbackCount {
      throw ValidationError("--max-rollbacks must be at most \(Self.largestRollbackCount).")
    }
    if let threads, threads > Self.largestThreadCount {
      throw ValidationError("--threads must be at most \(Self.largestThreadCount).")
    }
  }

  /// A checkpoint lists the batches that were left out.
  private static let largestRollbackCount = TrainerState.maximumSkippedBatches
  /// Far beyond any run; keeps products of two counts in range.
  private static let largestCount = 1 << 30
  /// The largest machines have fewer cores.
  private static let largestThreadCount = 1024

  private func checkShares() throws {
    for (name, share) in [
      ("dropout", dropout), ("attention-dropout", attentionDropout),
      ("residual-dropout", residualDropout), ("embedding-dropout", embeddingDropout),
      ("label-smoothing", labelSmoothing), ("beta1", beta1), ("beta2", beta2), ("ema", ema),
    ] {
      // As the number it is computed with: the float next to 0.99999999 is 1.
      guard let share, !(share >= 0 && Float(share) < 1) else { continue }
      throw ValidationError("--\(name) must be at least 0 and below 1 as a 32-bit number.")
    }
    for (name, number) in [("clip", clip), ("z-loss", zLoss), ("weight-decay", weightDecay)] {
      guard let number, !(number >= 0 && Float(number).isFinite) else { continue }
      throw ValidationError("--\(name) must be at least 0 and a 32-bit number.")
    }
    if let learningRate, !(Float(learningRate) > 0 && Float(learningRate).isFinite) {
      throw ValidationError("--learning-rate must be above 0 as a 32-bit number.")
    }
    if let ratio = minimumLearningRateRatio, !(ratio >= 0 && ratio <= 1) {
      throw ValidationError("--minimum-learning-rate-ratio must be 0 to 1.")
    }
  }
}

/// A number of batches, or all there are.
enum BatchLimit: ExpressibleByArgument, CustomStringConvertible, Equatable {
  case all
  case count(Int)

  init?(argument: String) {
    if argument == "all" {
      self = .all
    } else {
      guard let count = Int(argument), count > 0 else { return nil }
      self = .count(count)
    }
  }

  var description: String {
    switch self {
    case .all: "all"
    case .count(let count): "\(count)"
    }
  }

  var limit: Int? { if case .count(let count) = self { count } else { nil } }
}
