/// The shapes that a configuration gives to its tensors, and which biases it has.
extension ModelConfiguration {
  func shape(of tensor: ModelTensor) -> [Int] {
    switch tensor {
    case .tokenEmbedding, .output: [vocabularySize, width]
    case .positionEmbedding: [contextLength, width]
    case .outputNormGain, .outputNormBias: [width]
    case .rotaryDivisors: [headWidth / 2]
    }
  }

  func shape(of tensor: BlockTensor) -> [Int] {
    let queries = headCount * headWidth
    let keys = keyValueHeadCount * headWidth
    return switch tensor {
    case .queryKeyValue: [queries + 2 * keys, width]
    case .query: [queries, width]
    case .key, .value: [keys, width]
    case .attentionOutput: [width, queries]
    case .gate, .up: [hiddenWidth, width]
    case .down: [width, hiddenWidth]
    case .queryKeyValueBias: [queries + 2 * keys]
    case .queryBias: [queries]
    case .keyBias, .valueBias: [keys]
    case .upBias: [hiddenWidth]
    case .attentionOutputBias, .downBias, .attentionNormGain, .attentionNormBias,
      .feedForwardNormGain, .feedForwardNormBias:
      [width]
    }
  }

  func hasBias(_ tensor: BlockTensor) -> Bool {
    switch tensor {
    case .queryKeyValueBias, .queryBias, .keyBias, .valueBias: queryKeyValueBias
    case .attentionOutputBias: attentionOutputBias
    case .upBias, .downBias: feedForwardBias
    default: false
    }
  }
}
