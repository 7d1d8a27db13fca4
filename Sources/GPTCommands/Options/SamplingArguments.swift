internal import ArgumentParser
internal import GPT

/// How tokens are chosen, and when to stop.
struct SamplingArguments: ParsableArguments {
  @Option(help: "Randomness; 0 always takes the most probable token.")
  var temperature: Float = GenerationOptions().temperature

  @Option(help: "Choose among the K most probable tokens; 0: among all.")
  var topK = GenerationOptions().topK

  @Option(help: "Choose among the most probable tokens that reach this probability together.")
  var topP: Float = GenerationOptions().topP

  @Option(help: "Leave out tokens less than this times as probable as the most probable one.")
  var minP: Float = GenerationOptions().minP

  @Option(help: "Choose among the most typical tokens that reach this probability together.")
  var typicalP: Float = GenerationOptions().typicalP

  @Option(help: "Make tokens seen lately less probable by this factor of their logit.")
  var repeatPenalty: Float = GenerationOptions().repetitionPenalty

  @Option(help: "Subtracted from the logits of tokens seen lately.")
  var presencePenalty: Float = GenerationOptions().presencePenalty

  @Option(help: "Subtracted from the logits of tokens seen lately, for each time.")
  var frequencyPenalty: Float = GenerationOptions().frequencyPenalty

  @Option(help: "How many of the last tokens the penalties look at; -1: all.")
  var repeatLastN = GenerationOptions().repeatLastN

  @Option(help: ArgumentHelp("Added to a token's logit.", valueName: "id=value"))
  var logitBias: [LogitBias] = []

  @Option(help: "Seed of the random choice (default: a new one each time).")
  var seed: UInt64?

  @Option(help: "Most tokens to generate (default: 256).")
  var maxTokens: Int?

  @Option(help: "Text that ends the generation; may be repeated.")
  var stop: [String] = []

  @Option(help: ArgumentHelp("Token that ends the generation.", valueName: "id"))
  var stopToken: [Int32] = []

  @Flag(help: "Go on after the model's end-of-text tokens.")
  var ignoreEos = false

  @Flag(help: "When the context is full, forget its older half instead of stopping.")
  var contextShift = false

  @Option(help: "Tokens at the start that a context shift keeps.")
  var keep: Int?

  /// - Parameter defaultMaximum: tokens to generate when the user does not say
  func options(defaultMaximum: Int?) -> GenerationOptions {
    var options = GenerationOptions()
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.minP = minP
    options.typicalP = typicalP
    options.repetitionPenalty = repeatPenalty
    options.presencePenalty = presencePenalty
    options.frequencyPenalty = frequencyPenalty
    options.repeatLastN = repeatLastN
    options.logitBias = Dictionary(logitBias.map { ($0.id, $0.value) }) { _, last in last }
    options.seed = seed
    options.maximumTokens = maxTokens ?? defaultMaximum
    options.stopStrings = stop
    options.stopTokens = stopToken
    options.ignoreEndOfSequence = ignoreEos
    options.contextShift = contextShift
    options.contextShiftKeep = keep
    return options
  }
}

/// `ID=VALUE`, as `--logit-bias 50256=-inf`.
struct LogitBias: ExpressibleByArgument {
  let id: Int32
  let value: Float

  init?(argument: String) {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let id = Int32(parts[0]), let value = Float(parts[1]) else {
      return nil
    }
    self.id = id
    self.value = value
  }
}
