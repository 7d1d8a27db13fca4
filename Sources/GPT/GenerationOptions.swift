/// How text is generated: the choice among the model's candidates, and when to stop.
///
/// The defaults are llama.cpp's. The order of the transforms is that of `transformers`: bias,
/// penalties, temperature, top-k, top-p, min-p, typical-p.
public struct GenerationOptions: Sendable, Equatable {
  /// Divides the logits; 0 always takes the most probable token (the lowest id among equals).
  public var temperature: Float = 0.8
  /// Keep this many most probable tokens; 0 keeps all.
  public var topK = 40
  /// Keep the fewest most probable tokens that together reach this probability; 1 keeps all.
  public var topP: Float = 0.95
  /// Keep tokens at least this fraction as probable as the most probable one; 0 keeps all.
  public var minP: Float = 0.05
  /// Keep the tokens whose information is nearest to the expected one, up to this probability in
  /// all; 1 keeps all.
  public var typicalP: Float = 1
  /// Divides positive and multiplies negative logits of tokens seen lately; 1 does nothing.
  public var repetitionPenalty: Float = 1
  /// Subtracted once from the logits of tokens seen lately.
  public var presencePenalty: Float = 0
  /// Subtracted from the logits of tokens seen lately, times how often they were seen.
  public var frequencyPenalty: Float = 0
  /// How many of the last tokens, prompt included, the penalties look at; −1 looks at all.
  public var repeatLastN = 64
  /// Added to the logits of single tokens; −∞ forbids a token.
  public var logitBias: [Int32: Float] = [:]
  /// Seed of the random choice; nil takes a new one, which the result reports.
  public var seed: UInt64?

  /// Where guesses at the tokens to come are taken from, to compute several in one pass; nil
  /// computes them one by one.
  public var speculation: Speculation?

  /// Use what the model has computed for prompts with the same beginning, and keep this one's
  /// beginning for others. Results do not depend on it.
  public var reusesPrefixes = true

  /// Most tokens to generate; nil goes on until something else stops it.
  public var maximumTokens: Int?
  /// Texts that end the generation; they are not part of the result.
  public var stopStrings: [String] = []
  /// Tokens that end the generation, beside the model's own.
  public var stopTokens: [Int32] = []
  /// Go on after the model's own end-of-text tokens: they are never chosen.
  public var ignoreEndOfSequence = false
  /// When the context is full, forget the older half of it instead of stopping.
  public var contextShift = false
  /// Tokens at the start that a context shift keeps; nil keeps the beginning-of-sequence token.
  public var contextShiftKeep: Int?

  /// Put what the model's files ask for before the prompt (beginning of sequence…).
  public var addSpecialTokens = true
  /// Recognise the text of control tokens in the prompt; right only for text one trusts.
  public var parseSpecialTokens = false
  /// Show the text of control tokens that are generated.
  public var includeSpecialTokens = false
  /// Report the logarithm of the probability of each token, and this many of the most probable
  /// tokens at its place. They are the model's own, before penalties and temperature.
  public var topLogprobs: Int?

  public init() {}

  /// Options that always take the most probable token.
  public static var greedy: GenerationOptions {
    var options = GenerationOptions()
    options.temperature = 0
    return options
  }
}

extension GenerationOptions {
  /// Throws the first option that is out of its range.
  package func validate(vocabularySize: Int) throws(LanguageModelError) {
    try require(temperature >= 0 && temperature.isFinite, "temperature", temperature, "at least 0")
    try require(topK >= 0, "topK", topK, "at least 0")
    try require(topP > 0 && topP <= 1, "topP", topP, "above 0 and at most 1")
    try require(minP >= 0 && minP <= 1, "minP", minP, "0...1")
    try require(typicalP > 0 && typicalP <= 1, "typicalP", typicalP, "above 0 and at most 1")
    try require(
      repetitionPenalty > 0 && repetitionPenalty.isFinite, "repetitionPenalty", repetitionPenalty,
      "above 0")
    try require(presencePenalty.isFinite, "presencePenalty", presencePenalty, "a finite number")
    try require(frequencyPenalty.isFinite, "frequencyPenalty", frequencyPenalty, "a finite number")
    try require(repeatLastN >= -1, "repeatLastN", repeatLastN, "at least -1")
    try require(maximumTokens ?? 0 >= 0, "maximumTokens", maximumTokens ?? 0, "at least 0")
    try require(
      contextShiftKeep ?? 0 >= 0, "contextShiftKeep", contextShiftKeep ?? 0, "at least 0")
    try require(
      (0...vocabularySize).contains(topLogprobs ?? 0), "topLogprobs", topLogprobs ?? 0,
      "0...\(vocabularySize)")
    try require(!stopStrings.contains(""), "stopStrings", "an empty text", "at least one character")
    for (id, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
      try requireToken(id, vocabularySize)
      try require(
        !bias.isNaN && bias != .infinity, "logitBias", "\(bias) for token \(id)",
        "a finite number or -inf")
    }
    for id in stopTokens { try requireToken(id, vocabularySize) }
  }

  private func require(
    _ condition: Bool, _ name: String, _ found: some CustomStringConvertible, _ expected: String
  ) throws(LanguageModelError) {
    guard condition else {
      throw .invalidOption(name: name, found: found.description, expected: expected)
    }
  }

  private func requireToken(_ id: Int32, _ vocabularySize: Int) throws(LanguageModelError) {
    guard id >= 0, Int(id) < vocabularySize else {
      throw .invalidToken(id: Int(id), vocabularySize: vocabularySize)
    }
  }
}
