internal import GPTTokenizer

/// A text and the texts that may follow it, as tokens.
public struct ContinuationRequest: Sendable, Equatable {
  /// At least one token.
  public var context: [Int32]
  /// Each of at least one token.
  public var continuations: [[Int32]]

  public init(context: [Int32], continuations: [[Int32]]) {
    self.context = context
    self.continuations = continuations
  }
}

/// What a model thinks of one continuation.
public struct ContinuationScore: Sendable, Equatable {
  /// log p(continuation | context), in nats: the sum over its tokens.
  public let logprob: Double
  public let tokenCount: Int
  /// Whether every token was the most probable one at its place.
  public let isGreedy: Bool
  /// Tokens at the start of the context that were left out because it did not fit.
  public let truncatedTokenCount: Int
}

extension LanguageModel {
  /// The tokens of a context and of what may follow it, as lm-evaluation-harness divides them:
  /// white space at the end of the context goes to the continuation, both are tokenized together,
  /// and as many tokens as the context has alone are the context's.
  ///
  /// Where the model's files ask for a beginning of sequence the context begins with it. An empty
  /// context is that token, or the end of sequence in models that have no beginning.
  ///
  /// - Source: EleutherAI/lm-evaluation-harness, lm_eval/api/model.py, `TemplateLM._encode_pair`
  ///   and `loglikelihood`
  public func encode(
    context: String, continuation: String
  ) throws(LanguageModelError) -> ContinuationTokens {
    let space = context.unicodeScalars.reversed().prefix { $0.properties.isWhitespace }.count
    let kept = String(context.unicodeScalars.dropLast(space))
    let moved = String(context.unicodeScalars.suffix(space)) + continuation
    let beginning = beginningOfText.map { [$0] } ?? []
    guard !kept.isEmpty else {
      let prefix = tokenizer.beginningOfSequence ?? tokenizer.endOfSequence
      guard let prefix else { throw .emptyPrompt }
      return ContinuationTokens(
        context: [prefix], continuation: try encode(moved, addSpecialTokens: false))
    }
    let whole = try encode(kept + moved, addSpecialTokens: false)
    let alone = try encode(kept, addSpecialTokens: false)
    return ContinuationTokens(
      context: beginning + alone, continuation: Array(whole.dropFirst(alone.count)))
  }
}

/// A context and its continuation as tokens.
public struct ContinuationTokens: Sendable, Equatable {
  public let context: [Int32]
  public let continuation: [Int32]
}
