package import GPTOps
import GPTTensor

/// What a pass has to read and to compute: with the machine's limits, how fast it could be.
package struct PassCost: Sendable, Equatable {
  /// Bytes of weights that multiply, as they are kept, with biases, norms and adapters; every pass reads them
  /// once. Rows of embeddings that are looked up are left out.
  package let weightBytes: Int
  /// Bytes of keys and values that a token adds to the cache and every later one reads.
  package let keyValueBytesPerToken: Int
  fileprivate let configuration: ModelConfiguration

  /// Bytes that decoding reads for one token behind `depth` others, when `sequenceCount` sequences
  /// share the pass; its own keys and values count as the last of them.
  package func decodeBytes(depth: Double, sequenceCount: Int = 1) -> Double {
    let seen = min(depth + 1, Double(configuration.slidingWindow ?? .max))
    return Double(weightBytes) / Double(sequenceCount) + seen * Double(keyValueBytesPerToken)
  }

  /// Operations of a prompt of `tokenCount` tokens of which the last one's logits are wanted: 2 for
  /// every weight that multiplies and 4 · H · D for every pair of tokens that see each other
  /// (Chowdhery et al. 2022, arXiv:2204.02311, appendix B, but for the half that causality spares).
  package func promptOperations(tokenCount: Int) -> Double {
    let tokens = Double(tokenCount)
    let window = min(tokens, Double(configuration.slidingWindow ?? tokenCount))
    let pairs = window * (window + 1) / 2 + (tokens - window) * window
    let matrices = 2 * Double(configuration.blockMatrixCount) * tokens
    let attention = 4 * Double(configuration.headCount * configuration.headWidth) * pairs
    let output = 2 * Double(configuration.vocabularySize * configuration.width)
    return Double(configuration.blockCount) * (matrices + attention) + output
  }
}

extension Transformer {
  package var cost: PassCost {
    let layers = blocks.flatMap(\.layers) + [output]
    let norms = blocks.flatMap { [$0.attentionNorm, $0.feedForwardNorm] } + [outputNorm]
    let layout = configuration.pageLayout(type: cacheType)
    return PassCost(
      weightBytes: layers.reduce(0) { $0 + $1.byteCount } + norms.reduce(0) { $0 + $1.byteCount },
      keyValueBytesPerToken: layout.pageBytes / PageLayout.pageTokens,
      configuration: configuration)
  }

  /// What computes its passes.
  package var computing: (level: KernelLevel, precision: Precision, threadCount: Int) {
    (context.level, context.precision, context.pool.threadCount)
  }
}

extension Linear {
  fileprivate var byteCount: Int {
    let matrix =
      switch weight {
      case .packed(let matrix): matrix.byteCount
      case .mapped(let matrix): matrix.byteCount
      case .stored(let matrix): matrix.byteCount
      case .parameter(let parameter): parameter.byteCount
      }
    return matrix + (bias?.byteCount ?? 0)
      + adapters.reduce(0) { $0 + $1.down.byteCount + $1.up.byteCount }
  }
}

extension Norm {
  fileprivate var byteCount: Int { gain.byteCount + (bias?.byteCount ?? 0) }
}

extension Parameter {
  fileprivate var byteCount: Int { 4 * elementCount }
}
