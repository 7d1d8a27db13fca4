import GPTWeights

/// How the parameters of a model lie in the tensors of a checkpoint.
///
/// A trained model keeps query, key and value apart and every matrix as `[out, in]`; a family of
/// checkpoints may store the three as one and matrices as `[in, out]`.
struct TensorLayout {
  enum Place {
    case model(ModelTensor)
    case block(BlockTensor, index: Int)
  }

  struct Entry {
    let place: Place
    /// The stored tensor's name with the family's usual prefix.
    let name: String
    /// Parameters whose outputs follow one another in the stored tensor.
    let parameters: [String]
    /// As stored.
    let shape: [Int]
    /// The matrix is stored `[in, out]`.
    let isTransposed: Bool

    /// Whether its rows alternate the halves of heads where a family's names say so.
    var hasInterleavedHeads: Bool {
      guard case .block(let tensor, _) = place else { return false }
      return [.query, .key, .queryBias, .keyBias].contains(tensor)
    }
  }

  let entries: [Entry]

  init(configuration: ModelConfiguration, names: TensorNames) {
    let prefix = names.prefixes.first ?? ""
    var entries: [Entry] = []
    for tensor in configuration.modelTensors {
      guard let name = names.name(tensor, prefix: prefix) else { continue }
      entries.append(
        Entry(
          place: .model(tensor), name: name, parameters: [tensor.parameterName],
          shape: configuration.shape(of: tensor), isTransposed: false))
    }
    for index in 0..<configuration.blockCount {
      for tensor in configuration.blockTensors(of: names) {
        guard let name = names.name(tensor, block: index) else { continue }
        let shape = configuration.shape(of: tensor)
        let isTransposed = names.transposed && shape.count == 2
        entries.append(
          Entry(
            place: .block(tensor, index: index), name: prefix + name,
            parameters: tensor.parts.map { $0.parameterName(block: index) },
            shape: isTransposed ? shape.reversed() : shape, isTransposed: isTransposed))
      }
    }
    self.entries = entries
  }
}

extension Checkpoint {
  func tensor(_ place: TensorLayout.Place) throws(ModelError) -> StoredTensor {
    switch place {
    case .model(let tensor): try self.tensor(tensor)
    case .block(let tensor, let index): try self.tensor(tensor, block: index)
    }
  }
}

extension ModelTensor {
  /// The name of the parameter in a model that is trained.
  var parameterName: String { "\(self)" }
}

extension BlockTensor {
  /// The name of the parameter in a model that is trained: "blocks.0.query".
  func parameterName(block index: Int) -> String { "blocks.\(index).\(self)" }

  /// What a trained model keeps apart.
  var parts: [BlockTensor] {
    switch self {
    case .queryKeyValue: [.query, .key, .value]
    case .queryKeyValueBias: [.queryBias, .keyBias, .valueBias]
    default: [self]
    }
  }
}
