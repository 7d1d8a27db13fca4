import GPTJSON

/// The config.json and generation_config.json that transformers needs to open a saved model.
///
/// Key names: Hugging Face transformers, GPT2Config, LlamaConfig, MistralConfig, Qwen2Config.
/// `torch_dtype` is understood by versions 4 and 5, `dtype` by version 5 alone.
struct ConfigurationWriter {
  let configuration: ModelConfiguration
  /// "float32", "bfloat16", "float16"; nil leaves the key out.
  var storedType: String?
  var beginningOfSequence: Int32?
  var endOfSequence: Int32?
  /// Further tokens that end a generation.
  var otherStops: [Int32] = []

  init(_ configuration: ModelConfiguration) { self.configuration = configuration }

  /// - Throws: when the family's config.json cannot express the configuration.
  func object() throws(ModelError) -> JSONObject {
    var members = configuration.architecture == "gpt2" ? gpt2Members : try llamaMembers()
    members += [
      ("bos_token_id", id(beginningOfSequence)), ("eos_token_id", id(endOfSequence)),
      ("tie_word_embeddings", .boolean(configuration.tiedOutput)), ("use_cache", .boolean(true)),
    ]
    if let storedType { members.append(("torch_dtype", .string(storedType))) }
    let object = JSONObject(members)
    // Whatever the key names cannot say would be lost without a word.
    let reader = JSONConfiguration(object: object, location: "config.json")
    let understood = try FolderFamily(architecture: configuration.architecture)
      .configuration(reader)
    guard understood == configuration else {
      throw .configuration(
        location: "config.json", key: "model_type", found: configuration.architecture,
        expected: "a family that has the model's soft-caps, windows and scaled positions")
    }
    return object
  }

  func generationObject() -> JSONObject {
    let stops = ([endOfSequence].compactMap { $0 } + otherStops).map { JSONValue.integer(Int($0)) }
    return JSONObject([
      ("bos_token_id", id(beginningOfSequence)),
      ("eos_token_id", otherStops.isEmpty ? id(endOfSequence) : .array(stops)),
    ])
  }

  private func id(_ token: Int32?) -> JSONValue { token.map { .integer(Int($0)) } ?? .null }

  private var gpt2Members: [(String, JSONValue)] {
    [
      ("architectures", .array([.string("GPT2LMHeadModel")])),
      ("model_type", .string("gpt2")),
      ("vocab_size", .integer(configuration.vocabularySize)),
      ("n_positions", .integer(configuration.contextLength)),
      ("n_embd", .integer(configuration.width)),
      ("n_layer", .integer(configuration.blockCount)),
      ("n_head", .integer(configuration.headCount)),
      ("n_inner", .integer(configuration.hiddenWidth)),
      ("activation_function", .string("gelu_new")),
      ("layer_norm_epsilon", number(configuration.normEpsilon)),
      ("scale_attn_weights", .boolean(configuration.scalesAttention)),
      ("attn_pdrop", .number(0)), ("embd_pdrop", .number(0)), ("resid_pdrop", .number(0)),
      ("initializer_range", .number(0.02)),
    ]
  }

  private func llamaMembers() throws(ModelError) -> [(String, JSONValue)] {
    guard case .rotary(let rotary) = configuration.position else {
      throw .configuration(
        location: "config.json", key: "position", found: "learned", expected: "rotary")
    }
    var members: [(String, JSONValue)] = [
      ("architectures", .array([.string(architectureClass)])),
      ("model_type", .string(configuration.architecture)),
      ("vocab_size", .integer(configuration.vocabularySize)),
      ("max_position_embeddings", .integer(configuration.contextLength)),
      ("hidden_size", .integer(configuration.width)),
      ("num_hidden_layers", .integer(configuration.blockCount)),
      ("num_attention_heads", .integer(configuration.headCount)),
      ("num_key_value_heads", .integer(configuration.keyValueHeadCount)),
      ("head_dim", .integer(configuration.headWidth)),
      ("intermediate_size", .integer(configuration.hiddenWidth)),
      ("hidden_act", .string("silu")), ("rms_norm_eps", number(configuration.normEpsilon)),
      ("rope_theta", .number(rotary.base)), ("rope_scaling", scaling(rotary.scaling)),
      ("attention_dropout", .number(0)), ("initializer_range", .number(0.02)),
    ]
    if configuration.architecture == "llama" {
      members += [
        ("attention_bias", .boolean(configuration.attentionOutputBias)),
        ("mlp_bias", .boolean(configuration.feedForwardBias)),
      ]
    }
    return members + windowMembers
  }

  private var architectureClass: String {
    switch configuration.architecture {
    case "mistral": "MistralForCausalLM"
    case "qwen2": "Qwen2ForCausalLM"
    default: "LlamaForCausalLM"
    }
  }

  private var windowMembers: [(String, JSONValue)] {
    let window = configuration.slidingWindow.map { JSONValue.integer($0) } ?? .null
    switch configuration.architecture {
    case "mistral": return [("sliding_window", window)]
    case "qwen2":
      return [
        ("use_sliding_window", .boolean(configuration.slidingWindow != nil)),
        ("sliding_window", window), ("max_window_layers", .integer(0)),
      ]
    default: return []
    }
  }

  private func scaling(_ scaling: RotaryConfiguration.Scaling) -> JSONValue {
    func object(_ type: String, _ members: [(String, Double)]) -> JSONValue {
      let values = members.map { ($0.0, wholeOrFraction($0.1)) }
      return .object(JSONObject([("rope_type", .string(type))] + values))
    }
    switch scaling {
    case .none, .divisors: return .null
    case .linear(let factor): return object("linear", [("factor", factor)])
    case .llama3(let factor, let low, let high, let original):
      return object(
        "llama3",
        [
          ("factor", factor), ("low_freq_factor", low), ("high_freq_factor", high),
          ("original_max_position_embeddings", original),
        ])
    case .yarn(let factor, let fast, let slow, let original):
      return object(
        "yarn",
        [
          ("factor", factor), ("beta_fast", fast), ("beta_slow", slow),
          ("original_max_position_embeddings", original),
        ])
    }
  }

  /// transformers warns of an original context that is not an integer.
  private func wholeOrFraction(_ value: Double) -> JSONValue {
    Int(exactly: value).map { .integer($0) } ?? .number(value)
  }

  /// The shortest decimal that reads back as the same fp32: 1e-05, not 9.999999747378752e-06.
  private func number(_ value: Float) -> JSONValue {
    .number(Double("\(value)") ?? Double(value))
  }
}
