/// Llama and its relatives: rotary positions, RMS norm, grouped heads, SiLU-gated MLP.
///
/// Mistral adds a sliding window, Qwen2 biases on query, key and value, SmolLM nothing. Sources:
/// Touvron et al. 2023, arXiv:2302.13971; Jiang et al. 2023, arXiv:2310.06825; Yang et al. 2024,
/// arXiv:2407.10671; key names from Hugging Face transformers and the GGUF specification.
enum Llama {
  static let architectures = ["llama", "mistral", "qwen2"]

  static func configuration(_ reader: JSONConfiguration, architecture: String)
    throws(ModelError) -> ModelConfiguration
  {
    let activation = try reader.stringValue("hidden_act") ?? "silu"
    guard ["silu", "swish"].contains(activation) else {
      throw reader.problem("hidden_act", found: "'\(activation)'", expected: "silu")
    }
    let width = try reader.size("hidden_size", limit: ConfigurationLimit.width)
    let heads = try reader.size("num_attention_heads", limit: ConfigurationLimit.heads)
    let headWidth =
      try reader.integerValue("head_dim") == nil
      ? reader.dividedWidth(
        width, heads: heads, headKey: "num_attention_heads", widthKey: "hidden_size")
      : reader.size("head_dim", limit: 1 << 12)
    let context = try reader.size(
      "max_position_embeddings", limit: ConfigurationLimit.context, default: 2048)
    let isQwen2 = architecture == "qwen2"
    let attentionBias = try reader.flag("attention_bias", default: false)
    var result = ModelConfiguration(
      architecture: architecture,
      vocabularySize: try reader.size("vocab_size", limit: ConfigurationLimit.vocabulary),
      contextLength: context, width: width,
      blockCount: try reader.size("num_hidden_layers", limit: ConfigurationLimit.blocks),
      headCount: heads,
      keyValueHeadCount: try reader.size(
        "num_key_value_heads", limit: ConfigurationLimit.heads, default: heads),
      headWidth: headWidth,
      hiddenWidth: try reader.size("intermediate_size", limit: ConfigurationLimit.width * 16),
      normalisation: .rmsNorm, normEpsilon: try reader.epsilon("rms_norm_eps", default: 1e-6),
      position: .rotary(try rotary(reader, headWidth: headWidth, context: context)),
      feedForward: .gatedSilu, queryKeyValueBias: isQwen2 || attentionBias,
      attentionOutputBias: attentionBias && !isQwen2,
      feedForwardBias: try reader.flag("mlp_bias", default: false),
      tiedOutput: try reader.flag("tie_word_embeddings", default: false))
    result.slidingWindow = try slidingWindow(reader, architecture: architecture)
    try reader.checkHeads(
      result, headKey: "num_attention_heads",
      groupKey: "num_key_value_heads")
    return result
  }

  /// Mistral's window counts whenever it is given, Qwen2's only with `use_sliding_window`, and then
  /// for the blocks from `max_window_layers` on.
  private static func slidingWindow(_ reader: JSONConfiguration, architecture: String)
    throws(ModelError) -> Int?
  {
    guard architecture != "llama", try reader.integerValue("sliding_window") != nil else {
      return nil
    }
    if architecture == "qwen2" {
      guard try reader.flag("use_sliding_window", default: false) else { return nil }
      guard try reader.integerValue("max_window_layers") == 0 else {
        throw reader.problem(
          "use_sliding_window", found: "true for some blocks only", expected: "false")
      }
    }
    return try reader.size("sliding_window", limit: ConfigurationLimit.context)
  }

  private static func rotary(_ reader: JSONConfiguration, headWidth: Int, context: Int)
    throws(ModelError) -> RotaryConfiguration
  {
    // transformers 5 moved the base and the scaling into one object.
    let parameters = try reader.objectValue("rope_parameters")
    let scaling = if let parameters { parameters } else { try reader.objectValue("rope_scaling") }
    let base =
      try baseReader(reader, parameters).positive("rope_theta", default: 10_000)
    guard headWidth % 2 == 0 else {
      throw reader.problem("head_dim", found: "\(headWidth)", expected: "an even number")
    }
    var result = RotaryConfiguration(base: base, width: headWidth)
    guard let scaling else { return result }
    var type = try scaling.stringValue("rope_type")
    if type == nil { type = try scaling.stringValue("type") }
    let original =
      try scaling.numberValue("original_max_position_embeddings") == nil
      ? Double(context) : scaling.positive("original_max_position_embeddings")
    switch type ?? "default" {
    case "default": break
    case "linear": result.scaling = .linear(factor: try scaling.positive("factor"))
    case "llama3":
      result.scaling = .llama3(
        factor: try scaling.positive("factor"),
        lowFactor: try scaling.positive("low_freq_factor"),
        highFactor: try scaling.positive("high_freq_factor"), originalContext: original)
    case "yarn":
      result.scaling = .yarn(
        factor: try scaling.positive("factor"),
        betaFast: try scaling.positive("beta_fast", default: 32),
        betaSlow: try scaling.positive("beta_slow", default: 1), originalContext: original)
    default:
      throw reader.problem(
        "rope_scaling.rope_type", found: "'\(type ?? "")'",
        expected: "default, linear, llama3 or yarn")
    }
    return result
  }

  private static func baseReader(_ reader: JSONConfiguration, _ parameters: JSONConfiguration?)
    throws(ModelError) -> JSONConfiguration
  {
    if let parameters, try parameters.numberValue("rope_theta") != nil { return parameters }
    return reader
  }

  static func configuration(_ reader: GGUFConfiguration, architecture: String)
    throws(ModelError) -> ModelConfiguration
  {
    let width = try reader.size("embedding_length", limit: ConfigurationLimit.width)
    let heads = try reader.size("attention.head_count", limit: ConfigurationLimit.heads)
    let headWidth =
      try reader.integerValue("attention.key_length") == nil
      ? reader.dividedWidth(
        width, heads: heads, headKey: "attention.head_count", widthKey: "embedding_length")
      : reader.size("attention.key_length", limit: 1 << 12)
    let context = try reader.size("context_length", limit: ConfigurationLimit.context)
    let result = ModelConfiguration(
      architecture: architecture, vocabularySize: 0, contextLength: context, width: width,
      blockCount: try reader.size("block_count", limit: ConfigurationLimit.blocks),
      headCount: heads,
      keyValueHeadCount: try reader.size(
        "attention.head_count_kv", limit: ConfigurationLimit.heads, default: heads),
      headWidth: headWidth,
      hiddenWidth: try reader.size("feed_forward_length", limit: ConfigurationLimit.width * 16),
      normalisation: .rmsNorm,
      normEpsilon: try reader.epsilon("attention.layer_norm_rms_epsilon"),
      position: .rotary(try rotary(reader, headWidth: headWidth, context: context)),
      feedForward: .gatedSilu, queryKeyValueBias: false, attentionOutputBias: false,
      feedForwardBias: false, tiedOutput: true,
      slidingWindow: try reader.integerValue("attention.sliding_window") == nil
        ? nil : reader.size("attention.sliding_window", limit: ConfigurationLimit.context))
    try reader.checkHeads(
      result, headKey: "attention.head_count",
      groupKey: "attention.head_count_kv")
    return result
  }

  private static func rotary(_ reader: GGUFConfiguration, headWidth: Int, context: Int)
    throws(ModelError) -> RotaryConfiguration
  {
    let width = try reader.size("rope.dimension_count", limit: headWidth, default: headWidth)
    guard width % 2 == 0 else {
      throw reader.problem("rope.dimension_count", found: "\(width)", expected: "an even number")
    }
    var result = RotaryConfiguration(
      base: try reader.positive("rope.freq_base", default: 10_000), width: width)
    let type = try reader.stringValue("rope.scaling.type") ?? "none"
    let original = try reader.positive(
      "rope.scaling.original_context_length", default: Double(context))
    switch type {
    case "none": break
    case "linear": result.scaling = .linear(factor: try reader.positive("rope.scaling.factor"))
    case "yarn":
      result.scaling = .yarn(
        factor: try reader.positive("rope.scaling.factor"),
        betaFast: try reader.positive("rope.scaling.yarn_beta_fast", default: 32),
        betaSlow: try reader.positive("rope.scaling.yarn_beta_slow", default: 1),
        originalContext: original)
    default:
      throw reader.problem(
        "rope.scaling.type", found: "'\(type)'", expected: "none, linear or yarn")
    }
    return result
  }

  static let folderNames = TensorNames(
    model: [
      .tokenEmbedding: "embed_tokens.weight", .outputNormGain: "norm.weight",
      .output: "lm_head.weight",
    ],
    block: [
      .query: "layers.#.self_attn.q_proj.weight", .queryBias: "layers.#.self_attn.q_proj.bias",
      .key: "layers.#.self_attn.k_proj.weight", .keyBias: "layers.#.self_attn.k_proj.bias",
      .value: "layers.#.self_attn.v_proj.weight", .valueBias: "layers.#.self_attn.v_proj.bias",
      .attentionOutput: "layers.#.self_attn.o_proj.weight",
      .attentionOutputBias: "layers.#.self_attn.o_proj.bias",
      .gate: "layers.#.mlp.gate_proj.weight", .up: "layers.#.mlp.up_proj.weight",
      .down: "layers.#.mlp.down_proj.weight",
      .attentionNormGain: "layers.#.input_layernorm.weight",
      .feedForwardNormGain: "layers.#.post_attention_layernorm.weight",
    ],
    prefixes: ["model.", ""])

  static func fileNames(architecture: String) -> TensorNames {
    TensorNames(
      model: [
        .tokenEmbedding: "token_embd.weight", .outputNormGain: "output_norm.weight",
        .output: "output.weight", .rotaryDivisors: "rope_freqs.weight",
      ],
      block: [
        .query: "blk.#.attn_q.weight", .queryBias: "blk.#.attn_q.bias",
        .key: "blk.#.attn_k.weight", .keyBias: "blk.#.attn_k.bias",
        .value: "blk.#.attn_v.weight", .valueBias: "blk.#.attn_v.bias",
        .attentionOutput: "blk.#.attn_output.weight",
        .attentionOutputBias: "blk.#.attn_output.bias",
        .gate: "blk.#.ffn_gate.weight", .up: "blk.#.ffn_up.weight", .down: "blk.#.ffn_down.weight",
        .attentionNormGain: "blk.#.attn_norm.weight",
        .feedForwardNormGain: "blk.#.ffn_norm.weight",
      ],
      interleavedHeads: architecture == "llama")
  }
}
