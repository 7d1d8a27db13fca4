import GPTOps
import GPTTensor

/// Makes a model's blocks out of parameters, in the order in which a checkpoint lists them.
struct ParameterSet {
  let configuration: ModelConfiguration
  private(set) var all: [Parameter] = []

  init(_ configuration: ModelConfiguration) { self.configuration = configuration }

  mutating func make(_ tensor: ModelTensor) -> Parameter {
    add("\(tensor)", shape: configuration.shape(of: tensor))
  }

  private mutating func make(_ tensor: BlockTensor, block: Int) -> Parameter {
    add("blocks.\(block).\(tensor)", shape: configuration.shape(of: tensor))
  }

  private mutating func add(_ name: String, shape: [Int]) -> Parameter {
    let rows = shape.count > 1 ? shape[0] : 1
    let parameter = Parameter(
      name: name, value: Tensor(rows: rows, columns: shape.last ?? 1), decays: shape.count > 1)
    all.append(parameter)
    return parameter
  }

  mutating func block(_ index: Int) -> Block {
    Block(
      index: index, attentionNorm: norm(.attentionNormGain, .attentionNormBias, index),
      query: linear(.query, .queryBias, index), key: linear(.key, .keyBias, index),
      value: linear(.value, .valueBias, index),
      attentionOutput: linear(.attentionOutput, .attentionOutputBias, index),
      feedForwardNorm: norm(.feedForwardNormGain, .feedForwardNormBias, index),
      gate: configuration.feedForward == .gatedSilu ? linear(.gate, nil, index) : nil,
      up: linear(.up, .upBias, index), down: linear(.down, .downBias, index))
  }

  mutating func outputNorm() -> Norm {
    Norm(
      kind: configuration.normalisation, epsilon: configuration.normEpsilon,
      gain: make(.outputNormGain),
      bias: configuration.normalisation == .layerNorm ? make(.outputNormBias) : nil)
  }

  private mutating func norm(_ gain: BlockTensor, _ bias: BlockTensor, _ index: Int) -> Norm {
    Norm(
      kind: configuration.normalisation, epsilon: configuration.normEpsilon,
      gain: make(gain, block: index),
      bias: configuration.normalisation == .layerNorm ? make(bias, block: index) : nil)
  }

  private mutating func linear(_ weight: BlockTensor, _ bias: BlockTensor?, _ index: Int) -> Linear
  {
    let matrix = make(weight, block: index)
    let vector = bias.flatMap { configuration.uses($0) ? make($0, block: index) : nil }
    return Linear(weight: .parameter(matrix), bias: vector)
  }
}
