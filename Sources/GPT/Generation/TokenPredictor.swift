package import GPTModel
import GPTOps
package import GPTTensor

/// See `TokenPredictor.storedForm`.
package struct StoredForm: Sendable {
  package let pageBytes: Int
  package let pageTokens: Int
  package let description: String
}

extension TokenPredictor {
  package func makeState(tokens: [Int32], pages: [AlignedBuffer]) -> (any PredictorState)? { nil }
  package var storedForm: StoredForm? { nil }
}

extension PredictorState {
  package var pages: [AlignedBuffer] { [] }
}

/// What generation needs of a model; tests put their own in its place.
package protocol TokenPredictor: Sendable {
  var vocabularySize: Int { get }
  var contextLength: Int { get }
  func makeState() -> any PredictorState
  /// A state that holds `tokens`, whose keys and values are in `pages`; nil when the model has none.
  func makeState(tokens: [Int32], pages: [AlignedBuffer]) -> (any PredictorState)?
  /// How keys and values lie in memory, and everything that their bits depend on beside tokens and
  /// weights; nil when the model has none.
  var storedForm: StoredForm? { get }
  /// Computes several sequences at once.
  func makeBatch() -> any PredictorBatch
}

/// The tokens of one sequence that a model has computed; used by one thread at a time.
package protocol PredictorState: AnyObject {
  var tokenCount: Int { get }

  /// Computes `tokens` after those before, and returns the logits of the last one when `logits`.
  func forward(_ tokens: [Int32], logits: Bool) throws(LanguageModelError) -> [Float]

  /// The same, with the logits of every token, row after row.
  func forwardAll(_ tokens: [Int32]) throws(LanguageModelError) -> [Float]

  func truncate(to count: Int)

  /// A state that begins with the same tokens and goes its own way.
  func fork() -> any PredictorState

  /// Memory of keys and values, in whole pages.
  var pages: [AlignedBuffer] { get }

  /// Forgets the tokens of `range`; those behind move down. False when the model cannot.
  func discard(_ range: Range<Int>) -> Bool
}

/// Passes over several sequences; used by one thread at a time.
package protocol PredictorBatch: AnyObject {
  /// For each part the logits of its last token, or those of every token, row after row.
  func forward(_ parts: [PredictorPart]) throws(LanguageModelError) -> [[Float]]
}

/// New tokens of one sequence, at least one; no two parts of a batch share a state.
package struct PredictorPart {
  package let state: any PredictorState
  package let tokens: [Int32]
  package let wantsAllLogits: Bool

  package init(state: any PredictorState, tokens: [Int32], wantsAllLogits: Bool) {
    self.state = state
    self.tokens = tokens
    self.wantsAllLogits = wantsAllLogits
  }
}

package struct TransformerPredictor: TokenPredictor {
  package let transformer: Transformer

  package init(transformer: Transformer) { self.transformer = transformer }

  package var vocabularySize: Int { transformer.configuration.vocabularySize }
  package var contextLength: Int { transformer.configuration.contextLength }
  package func makeState() -> any PredictorState { TransformerState(transformer) }
  package func makeBatch() -> any PredictorBatch { TransformerBatch(transformer) }

  package func makeState(tokens: [Int32], pages: [AlignedBuffer]) -> (any PredictorState)? {
    TransformerState(transformer, cache: transformer.makeCache(tokens: tokens, pages: pages))
  }

  package var storedForm: StoredForm? {
    StoredForm(
      pageBytes: transformer.configuration.pageLayout(type: transformer.cacheType).pageBytes,
      pageTokens: PageLayout.pageTokens,
      description: "\(transformer.cacheType.rawValue) \(transformer.context.level.rawValue) "
        + transformer.context.precision.rawValue)
  }
}

package final class TransformerBatch: PredictorBatch {
  private let pass: BatchPass

  package init(_ transformer: Transformer) { pass = BatchPass(transformer) }

  package func forward(_ parts: [PredictorPart]) throws(LanguageModelError) -> [[Float]] {
    let parts = parts.map { part in
      guard let state = part.state as? TransformerState else {
        preconditionFailure("a state of \(type(of: part.state)) in a batch of a transformer")
      }
      return SequencePart(
        tokens: part.tokens[...], cache: state.cache, logits: part.wantsAllLogits ? .all : .last)
    }
    return try translatingModelErrors { () throws(ModelError) in try pass.forward(parts) }
  }
}

package final class TransformerState: PredictorState {
  private let transformer: Transformer
  fileprivate let cache: KVCache

  package convenience init(_ transformer: Transformer) {
    self.init(transformer, cache: transformer.makeCache())
  }

  fileprivate init(_ transformer: Transformer, cache: KVCache) {
    self.transformer = transformer
    self.cache = cache
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

  package var pages: [AlignedBuffer] { cache.pages }

  package func truncate(to count: Int) { cache.truncate(to: count) }

  package func fork() -> any PredictorState { TransformerState(transformer, cache: cache.fork()) }

  package func discard(_ range: Range<Int>) -> Bool {
    (try? transformer.discard(range, from: cache)) != nil
  }
}

package func translatingModelErrors<Value>(
  _ body: () throws(ModelError) -> Value
) throws(LanguageModelError) -> Value {
  do { return try body() } catch { throw .invalidModel(error.description) }
}
