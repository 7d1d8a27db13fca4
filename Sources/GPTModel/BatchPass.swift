import GPTTensor

/// New tokens of one sequence in a pass, and which of their logits are wanted.
package struct SequencePart {
  package let tokens: ArraySlice<Int32>
  package let cache: KVCache
  package let logits: LogitsSelection

  package init(tokens: ArraySlice<Int32>, cache: KVCache, logits: LogitsSelection) {
    self.tokens = tokens
    self.cache = cache
    self.logits = logits
  }
}

/// Passes over several sequences at once, so that weights are unpacked once for all of them.
///
/// Holds the memory for activations; not safe for use by two threads at once.
package final class BatchPass {
  private let transformer: Transformer
  private let kept = Workspace()
  private let scratch = Workspace()

  package init(_ transformer: Transformer) { self.transformer = transformer }

  /// Runs the tokens of each part after what its cache holds, all in one pass.
  ///
  /// - Parameter parts: of different caches; together they should have few hundred tokens, as
  ///   activations grow with them
  /// - Returns: for each part nothing, `[V]` of its last token, or `[T, V]`
  /// - Throws: `ModelError.invalidToken`, `ModelError.contextExceeded`; the caches are then
  ///   unchanged.
  package func forward(_ parts: [SequencePart]) throws(ModelError) -> [[Float]] {
    for part in parts { try transformer.check(part.tokens, behind: part.cache) }
    let logits = transformer.run(parts, kept: kept, scratch: scratch)
    var start = 0
    return parts.map { part in
      let rows =
        switch part.logits {
        case .none: 0
        case .last: min(1, part.tokens.count)
        case .all: part.tokens.count
        }
      let end = start + rows * transformer.configuration.vocabularySize
      defer { start = end }
      return Array(logits[start..<end])
    }
  }
}
