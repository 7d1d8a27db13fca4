/// Which tensors a configuration implies, and their shapes `[out, in]` or `[n]`.
extension ModelConfiguration {
  /// The tensors outside the blocks, in the order of the forward pass.
  var modelTensors: [ModelTensor] {
    ModelTensor.allCases.filter { tensor in
      switch tensor {
      case .tokenEmbedding, .outputNormGain: true
      case .positionEmbedding: position == .learned
      case .outputNormBias: normalisation == .layerNorm
      case .output: !tiedOutput
      case .rotaryDivisors: false
      }
    }
  }

  /// The tensors of each block, of those that the family of checkpoints names.
  func blockTensors(of names: TensorNames) -> [BlockTensor] {
    BlockTensor.allCases.filter { names.block[$0] != nil && uses($0) }
  }

  /// False for a bias that the configuration leaves out and for parts of the other kind of norm
  /// or MLP.
  func uses(_ tensor: BlockTensor) -> Bool {
    switch tensor {
    case .queryKeyValueBias, .queryBias, .keyBias, .valueBias: queryKeyValueBias
    case .attentionOutputBias: attentionOutputBias
    case .upBias, .downBias: feedForwardBias
    case .gate: feedForward == .gatedSilu
    case .attentionNormBias, .feedForwardNormBias: normalisation == .layerNorm
    case .queryKeyValue, .query, .key, .value, .attentionOutput, .up, .down, .attentionNormGain,
      .feedForwardNormGain:
      true
    }
  }

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
}
