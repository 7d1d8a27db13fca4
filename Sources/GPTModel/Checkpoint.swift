import GPTTensor
import GPTWeights

/// The tensors of one model found by purpose, with the shapes that its configuration implies.
struct Checkpoint {
  let source: any WeightSource
  let names: TensorNames
  let configuration: ModelConfiguration
  private let prefix: String

  init(source: any WeightSource, names: TensorNames, configuration: ModelConfiguration) {
    self.source = source
    self.names = names
    self.configuration = configuration
    let embedding = names.model[.tokenEmbedding] ?? ""
    prefix = names.prefixes.first { source.contains($0 + embedding) } ?? names.prefixes[0]
  }

  private func fullName(_ tensor: ModelTensor) -> String {
    names.name(tensor, prefix: prefix) ?? ""
  }

  func contains(_ tensor: ModelTensor) -> Bool {
    names.model[tensor] != nil && source.contains(fullName(tensor))
  }

  func tensor(_ tensor: ModelTensor) throws(ModelError) -> StoredTensor {
    try required(fullName(tensor), shape: configuration.shape(of: tensor))
  }

  func tensor(_ tensor: BlockTensor, block index: Int) throws(ModelError) -> StoredTensor {
    let name = prefix + (names.name(tensor, block: index) ?? "")
    var shape = configuration.shape(of: tensor)
    if names.transposed { shape.reverse() }
    return try required(name, shape: shape)
  }

  /// The bias, or nil when the configuration has none there.
  func bias(_ tensor: BlockTensor, block index: Int) throws(ModelError) -> StoredTensor? {
    configuration.uses(tensor) ? try self.tensor(tensor, block: index) : nil
  }

  private func required(_ name: String, shape: [Int]) throws(ModelError) -> StoredTensor {
    do {
      let reason = "from the configuration"
      return try source.required(name, shape: shape, reason: reason)
    } catch { throw .weights(error) }
  }
}
