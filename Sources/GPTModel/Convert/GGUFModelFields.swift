import GPTWeights

/// A configuration as GGUF metadata that llama.cpp understands.
///
/// - Source: ggml-org/ggml, `docs/gguf.md`; PyPI `gguf` 0.19, `constants.py`, for key names
struct GGUFModelFields {
  typealias Field = (key: String, value: GGUFMetadata)

  let configuration: ModelConfiguration
  /// `general.architecture`: llama.cpp knows Mistral as llama.
  let architecture: String

  /// - Throws: for a configuration that the keys cannot express.
  init(_ configuration: ModelConfiguration) throws(ModelError) {
    self.configuration = configuration
    architecture = configuration.architecture == "mistral" ? "llama" : configuration.architecture
    guard configuration.scalesAttention else {
      throw .configuration(
        location: "config.json", key: "scale_attn_weights", found: "false",
        expected: "true, as GGUF files have no key for it")
    }
  }

  var names: TensorNames {
    architecture == "gpt2" ? GPT2.fileNames : Llama.fileNames(architecture: architecture)
  }

  /// Without `general.…`.
  var fields: [Field] {
    var fields: [Field] = [
      number("vocab_size", configuration.vocabularySize),
      number("context_length", configuration.contextLength),
      number("embedding_length", configuration.width),
      number("block_count", configuration.blockCount),
      number("feed_forward_length", configuration.hiddenWidth),
      number("attention.head_count", configuration.headCount),
      number("attention.head_count_kv", configuration.keyValueHeadCount),
    ]
    switch configuration.normalisation {
    case .layerNorm: fields.append(fraction("attention.layer_norm_epsilon", epsilon))
    case .rmsNorm: fields.append(fraction("attention.layer_norm_rms_epsilon", epsilon))
    }
    if let window = configuration.slidingWindow {
      fields.append(number("attention.sliding_window", window))
    }
    if case .rotary(let rotary) = configuration.position {
      fields += [
        number("attention.key_length", configuration.headWidth),
        number("attention.value_length", configuration.headWidth),
        number("rope.dimension_count", rotary.width), fraction("rope.freq_base", rotary.base),
      ]
      fields += scaling(rotary.scaling)
    }
    return fields
  }

  /// What every frequency is divided by, for Llama 3's scaling, which has no keys.
  var rotaryDivisors: [Double]? {
    guard case .rotary(let rotary) = configuration.position else { return nil }
    switch rotary.scaling {
    case .llama3: return rotary.divisors
    case .divisors(let divisors): return divisors
    case .none, .linear, .yarn: return nil
    }
  }

  private var epsilon: Double { Double(configuration.normEpsilon) }

  private func scaling(_ scaling: RotaryConfiguration.Scaling) -> [Field] {
    func type(_ name: String) -> Field {
      ("\(architecture).rope.scaling.type", .string(name))
    }
    switch scaling {
    case .none, .llama3, .divisors: return []
    case .linear(let factor): return [type("linear"), fraction("rope.scaling.factor", factor)]
    case .yarn(let factor, let betaFast, let betaSlow, let original):
      return [
        type("yarn"), fraction("rope.scaling.factor", factor),
        number("rope.scaling.original_context_length", Int(clamping: original)),
        fraction("rope.scaling.yarn_beta_fast", betaFast),
        fraction("rope.scaling.yarn_beta_slow", betaSlow),
      ]
    }
  }

  /// The configuration's limits keep every size below 2^32.
  private func number(_ key: String, _ value: Int) -> Field {
    ("\(architecture).\(key)", .uint32(UInt32(clamping: value)))
  }

  private func fraction(_ key: String, _ value: Double) -> Field {
    ("\(architecture).\(key)", .float32(Float(value)))
  }
}

extension Int {
  /// The whole number nearest to `value`, which is above 0.
  fileprivate init(clamping value: Double) {
    self = value < 0x1p31 ? Int(value.rounded()) : 1 << 31
  }
}
