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
    let name = names.model[tensor] ?? ""
    // Hugging Face keeps the output projection outside the decoder proper.
    return tensor == .output ? name : prefix + name
  }

  func contains(_ tensor: ModelTensor) -> Bool {
    names.model[tensor] != nil && source.contains(fullName(tensor))
  }

  func tensor(_ tensor: ModelTensor) throws(ModelError) -> StoredTensor {
    let shape: [Int] =
      switch tensor {
      case .tokenEmbedding, .output: [configuration.vocabularySize, configuration.width]
      case .positionEmbedding: [configuration.contextLength, configuration.width]
      case .outputNormGain, .outputNormBias: [configuration.width]
      case .rotaryDivisors: [configuration.headWidth / 2]
      }
    return try required(fullName(tensor), shape: shape)
  }

  func tensor(_ tensor: BlockTensor, block index: Int) throws(ModelError) -> StoredTensor {
    let name = prefix + (names.name(tensor, block: index) ?? "")
    var shape = shape(of: tensor)
    if names.transposed { shape.reverse() }
    return try required(name, shape: shape)
  }

  /// The bias, or nil when the configuration has none there.
  func bias(_ tensor: BlockTensor, block index: Int) throws(ModelError) -> StoredTensor? {
    let present =
      switch tensor {
      case .queryKeyValueBias, .queryBias, .keyBias, .valueBias: configuration.queryKeyValueBias
      case .attentionOutputBias: configuration.attentionOutputBias
      case .upBias, .downBias: configuration.feedForwardBias
      default: false
      }
    return present ? try self.tensor(tensor, block: index) : nil
  }

  private func required(_ name: String, shape: [Int]) throws(ModelError) -> StoredTensor {
    do {
      let reason = "from the configuration"
      return try source.required(name, shape: shape, reason: reason)
    } catch { throw .weights(error) }
  }

  private func shape(of tensor: BlockTensor) -> [Int] {
    let width = configuration.width
    let queries = configuration.headCount * configuration.headWidth
    let keys = configuration.keyValueHeadCount * configuration.headWidth
    return switch tensor {
    case .queryKeyValue: [queries + 2 * keys, width]
    case .query: [queries, width]
    case .key, .value: [keys, width]
    case .attentionOutput: [width, queries]
    case .gate, .up: [configuration.hiddenWidth, width]
    case .down: [width, configuration.hiddenWidth]
    case .queryKeyValueBias: [queries + 2 * keys]
    case .queryBias: [queries]
    case .keyBias, .valueBias: [keys]
    case .upBias: [configuration.hiddenWidth]
    case .attentionOutputBias, .downBias, .attentionNormGain, .attentionNormBias,
      .feedForwardNormGain, .feedForwardNormBias:
      [width]
    }
  }
}
