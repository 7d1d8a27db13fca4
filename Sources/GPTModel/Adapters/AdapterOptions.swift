/// A linear layer of a block that can have an adapter.
package enum AdapterTarget: String, CaseIterable, Sendable {
  case query, key, value, attentionOutput, gate, up, down

  var tensor: BlockTensor {
    switch self {
    case .query: .query
    case .key: .key
    case .value: .value
    case .attentionOutput: .attentionOutput
    case .gate: .gate
    case .up: .up
    case .down: .down
    }
  }
}

/// The shape of a low-rank adapter, as PEFT's LoraConfig names it.
///
/// - Source: Hu et al. 2021, arXiv:2106.09685
package struct AdapterOptions: Sendable, Equatable {
  /// r
  package var rank = 8
  package var alpha = 16.0
  /// Share of an adapter's input that training drops.
  package var dropout: Float = 0
  package var targets = Set(AdapterTarget.allCases)
  /// Keeps the size of updates independent of the rank (rsLoRA).
  package var isRankStabilised = false

  package init() {}

  /// Elements of all matrices that an adapter for such a model has.
  package func parameterCount(in configuration: ModelConfiguration) -> Int {
    targets.filter { configuration.uses($0.tensor) }.reduce(0) { sum, target in
      let shape = configuration.shape(of: target.tensor)
      return sum + configuration.blockCount * rank * (shape[0] + shape[1])
    }
  }

  /// Factor on what an adapter adds: alpha / r, or alpha / √r (Kalajdzievski 2023,
  /// arXiv:2312.03732).
  package var scale: Float {
    Float(isRankStabilised ? alpha / Double(rank).squareRoot() : alpha / Double(rank))
  }
}
