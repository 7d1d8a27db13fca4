package import GPTModel

/// What generation needs of a model; tests put their own in its place.
package protocol TokenPredictor: Sendable {
  var vocabularySize: Int { get }
  var contextLength: Int { get }
  func makeState() -> any PredictorState
}

/// The tokens of one sequence that a model has computed; used by one thread at a time.
package protocol PredictorState: AnyObject {
  var tokenCount: Int { get }

  /// Computes `tokens` after those before, and returns the logits of the last one when `logits`.
  func forward(_ tokens: [Int32], logits: Bool) throws(LanguageModelError) -> [Float]

  /// The same, with the logits of every token, row after row.
  func forwardAll(_ tokens: [Int32]) throws(LanguageModelError) -> [Float]

  func truncate(to count: Int)

  /// Forgets the tokens of `range`; those behind move down. False when the model cannot.
  func discard(_ range: Range<Int>) -> Bool
}

package struct TransformerPredictor: TokenPredictor {
  package let transformer: Transformer

  package init(transformer: Transformer) { self.transformer = transformer }

  package var vocabularySize: Int { transformer.configuration.vocabularySize }
  package var contextLength: Int { transformer.configuration.contextLength }
  package func makeState() -> any PredictorState { TransformerState(transformer) }
}

package final class TransformerState: PredictorState {
  private let transformer: Transformer
  private let cache: KVCache

  package init(_ transformer: Transformer) {
    self.transformer = transformer
    cache = transformer.makeCache()
  }

  package var tokenCount: Int { cache.tokenCount }

  package func forward(_ tokens: [Int32], logits: Bool) throws(LanguageModelError) -> [Float] {
    try translatingModelErrors { () throws(ModelError) in
      try transformer.forward(tokens, cache: cache, logits: logits ? .last : .none)
    }
  }

  package func forwardAll(_ tokens: [Int32]) throws(LanguageModelError) -> [Float] {
    try translatingModelErrors { () throws(ModelError) in
      try transformer.forward(tokens, cache: cache, logits: .all)
    }
  }

  package func truncate(to count: Int) { cache.truncate(to: count) }

  package func discard(_ range: Range<Int>) -> Bool {
    (try? transformer.discard(range, from: cache)) != nil
  }
}

package func translatingModelErrors<Value>(
  _ body: () throws(ModelError) -> Value
) throws(LanguageModelError) -> Value {
  do { return try body() } catch { throw .invalidModel(error.description) }
}
