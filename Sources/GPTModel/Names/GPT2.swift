/// GPT-2: learned positions, layer norm, biases, GELU. Source: Radford et al. 2019; key names of
/// config.json and tensors from Hugging Face transformers and the GGUF specification.
enum GPT2 {
  static func configuration(_ reader: JSONConfiguration) throws(ModelError) -> ModelConfiguration {
    let activation = try reader.stringValue("activation_function") ?? "gelu_new"
    guard ["gelu_new", "gelu_pytorch_tanh"].contains(activation) else {
      throw reader.problem(
        "activation_function", found: "'\(activation)'", expected: "gelu_new or gelu_pytorch_tanh")
    }
    for key in ["scale_attn_by_inverse_layer_idx", "add_cross_attention"] {
      guard try reader.flag(key, default: false) == false else {
        throw reader.problem(key, found: "true", expected: "false (not supported)")
      }
    }
    let width = try reader.size("n_embd", limit: ConfigurationLimit.width)
    var result = try shared(
      reader, width: width, heads: reader.size("n_head", limit: ConfigurationLimit.heads),
      headKey: "n_head", widthKey: "n_embd",
      hidden: reader.size("n_inner", limit: ConfigurationLimit.width * 16, default: 4 * width))
    result.vocabularySize = try reader.size("vocab_size", limit: ConfigurationLimit.vocabulary)
    result.contextLength = try reader.size(
      ["n_positions", "n_ctx"], limit: ConfigurationLimit.context, default: 1024)
    result.blockCount = try reader.size("n_layer", limit: ConfigurationLimit.blocks)
    result.normEpsilon = try reader.epsilon("layer_norm_epsilon", default: 1e-5)
    result.tiedOutput = try reader.flag("tie_word_embeddings", default: true)
    result.scalesAttention = try reader.flag("scale_attn_weights", default: true)
    return result
  }

  static func configuration(_ reader: GGUFConfiguration) throws(ModelError) -> ModelConfiguration {
    let width = try reader.size("embedding_length", limit: ConfigurationLimit.width)
    var result = try shared(
      reader, width: width,
      heads: reader.size("attention.head_count", limit: ConfigurationLimit.heads),
      headKey: "attention.head_count", widthKey: "embedding_length",
      hidden: reader.size(
        "feed_forward_length", limit: ConfigurationLimit.width * 16, default: 4 * width))
    result.contextLength = try reader.size("context_length", limit: ConfigurationLimit.context)
    result.blockCount = try reader.size("block_count", limit: ConfigurationLimit.blocks)
    result.normEpsilon = try reader.epsilon("attention.layer_norm_epsilon")
    return result
  }

  private static func shared(
    _ reader: some ConfigurationReader, width: Int, heads: Int, headKey: String, widthKey: String,
    hidden: Int
  ) throws(ModelError) -> ModelConfiguration {
    ModelConfiguration(
      architecture: "gpt2", vocabularySize: 0, contextLength: 0, width: width, blockCount: 0,
      headCount: heads, keyValueHeadCount: heads,
      headWidth: try reader.dividedWidth(width, heads: heads, headKey: headKey, widthKey: widthKey),
      hiddenWidth: hidden, normalisation: .layerNorm, normEpsilon: 1e-5, position: .learned,
      feedForward: .gelu, queryKeyValueBias: true, attentionOutputBias: true,
      feedForwardBias: true, tiedOutput: true)
  }

  static let folderNames = TensorNames(
    model: [
      .tokenEmbedding: "wte.weight", .positionEmbedding: "wpe.weight",
      .outputNormGain: "ln_f.weight", .outputNormBias: "ln_f.bias", .output: "lm_head.weight",
    ],
    block: [
      .queryKeyValue: "h.#.attn.c_attn.weight", .queryKeyValueBias: "h.#.attn.c_attn.bias",
      .attentionOutput: "h.#.attn.c_proj.weight", .attentionOutputBias: "h.#.attn.c_proj.bias",
      .up: "h.#.mlp.c_fc.weight", .upBias: "h.#.mlp.c_fc.bias",
      .down: "h.#.mlp.c_proj.weight", .downBias: "h.#.mlp.c_proj.bias",
      .attentionNormGain: "h.#.ln_1.weight", .attentionNormBias: "h.#.ln_1.bias",
      .feedForwardNormGain: "h.#.ln_2.weight", .feedForwardNormBias: "h.#.ln_2.bias",
    ],
    prefixes: ["transformer.", ""], transposed: true)

  static let fileNames = TensorNames(
    model: [
      .tokenEmbedding: "token_embd.weight", .positionEmbedding: "position_embd.weight",
      .outputNormGain: "output_norm.weight", .outputNormBias: "output_norm.bias",
      .output: "output.weight",
    ],
    block: [
      .queryKeyValue: "blk.#.attn_qkv.weight", .queryKeyValueBias: "blk.#.attn_qkv.bias",
      .attentionOutput: "blk.#.attn_output.weight", .attentionOutputBias: "blk.#.attn_output.bias",
      .up: "blk.#.ffn_up.weight", .upBias: "blk.#.ffn_up.bias",
      .down: "blk.#.ffn_down.weight", .downBias: "blk.#.ffn_down.bias",
      .attentionNormGain: "blk.#.attn_norm.weight", .attentionNormBias: "blk.#.attn_norm.bias",
      .feedForwardNormGain: "blk.#.ffn_norm.weight", .feedForwardNormBias: "blk.#.ffn_norm.bias",
    ])
}
