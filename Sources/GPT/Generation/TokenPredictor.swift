internal import GPTModel

/// What generation needs of a model; tests put their own in its place.
protocol TokenPredictor: Sendable {
  var vocabularySize: Int { get }
  var contextLength: Int { get }
  func makeState() -> any PredictorState
}

/// The tokens of one sequence that a model has computed; used by one thread at a time.
protocol PredictorState: AnyObject {
  var tokenCount: Int { get }

  /// Computes `tokens` after those before, and returns the logits of the last one when `logits`.
  func forward(_ tokens: [Int32], logits: Bool) throws(LanguageModelError) -> [Float]

  /// The same, with the logits of every token, row after row.
  func forwardAll(_ tokens: [Int32]) throws(LanguageModelError) -> [Float]

  func truncate(to count: Int)

  /// Forgets the tokens of `range`; those behind move down. False when the model cannot.
  func discard(_ range: Range<Int>) -> Bool
}

struct TransformerPredictor: TokenPredictor {
  let transformer: Transformer

  var vocabularySize: Int { transformer.configuration.vocabularySize }
  var contextLength: Int { transformer.configuration.contextLength }
  func makeState() -> any PredictorState { TransformerState(transformer) }
}

final class TransformerState: PredictorState {
  private let transformer: Transformer
  private let cache: KVCache

  init(_ transformer: Transformer) {
    self.transformer = transformer
    cache = transformer.makeCache()
  }

  var tokenCount: Int { cache.tokenCount }

  func forward(_ tokens: [Int32], logits: Bool) throws(LanguageModelError) -> [Float] {
    try translatingModelErrors { () throws(ModelError) in
      try transformer.forward(tokens, cache: cache, logits: logits ? .last : .none)
    }
  }

  func forwardAll(_ tokens: [Int32]) throws(LanguageModelError) -> [Float] {
    try translatingModelErrors { () throws(ModelError) in
      try transformer.forward(tokens, cache: cache, logits: .all)
    }
  }

  func truncate(to count: Int) { cache.truncate(to: count) }

  func discard(_ range: Range<Int>) -> Bool {
    (try? transformer.discard(range, from: cache)) != nil
  }
}

func translatingModelErrors<Value>(
  _ body: () throws(ModelError) -> Value
) throws(LanguageModelError) -> Value {
  do { return try body() } catch { throw .invalidModel(error.description) }
}
