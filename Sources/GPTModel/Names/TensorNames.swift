/// What a tensor is for, within the whole model.
enum ModelTensor: Sendable, CaseIterable {
  case tokenEmbedding, positionEmbedding, outputNormGain, outputNormBias, output, rotaryDivisors
}

/// What a tensor is for, within a block. Matrices first, then their biases and the norms.
enum BlockTensor: Sendable, CaseIterable {
  case queryKeyValue, query, key, value, attentionOutput, gate, up, down
  case queryKeyValueBias, queryBias, keyBias, valueBias, attentionOutputBias, upBias, downBias
  case attentionNormGain, attentionNormBias, feedForwardNormGain, feedForwardNormBias
}

/// How a family of checkpoints names and lays out its tensors.
struct TensorNames: Sendable {
  var model: [ModelTensor: String]
  /// Names within a block; `#` stands for the block's number.
  var block: [BlockTensor: String]
  /// Prefixes that some writers put before every name of the model but `output`.
  var prefixes = [""]
  /// Matrices are stored `[in, out]` (GPT-2's Conv1D).
  var transposed = false
  /// Rows of query and key alternate the two halves of each head, as llama.cpp stores them.
  var interleavedHeads = false

  func name(_ tensor: ModelTensor, prefix: String) -> String? {
    // Hugging Face keeps the output projection outside the decoder proper.
    model[tensor].map { tensor == .output ? $0 : prefix + $0 }
  }

  func name(_ tensor: BlockTensor, block index: Int) -> String? {
    block[tensor]?.replacing("#", with: String(index))
  }
}
