import GPTJSON
import GPTTensor
import GPTTokenizer
import GPTWeights

extension FoundModel {
  static func findGGUF(_ path: String, contextLength: Int?) throws(ModelError) -> FoundModel {
    let expected = "a GGUF file"
    return try asModelErrors(path: path, expected: expected) {
      let file = try GGUFFile(path: path)
      let (configuration, names) = try describe(file)
      return FoundModel(
        checkpoint: Checkpoint(
          source: file, names: names,
          configuration: try limit(configuration, to: contextLength)),
        chatTemplate: try file.string("tokenizer.chat_template"),
        stopTokens: try stopTokens(file), name: try file.string("general.name"),
        makeTokenizer: { () throws(ModelError) in
          defer { file.releaseHeader() }
          return try asModelErrors(path: path, expected: expected) {
            try GPTTokenizer.makeTokenizer(vocabulary(of: file))
          }
        })
    }
  }

  static func stopTokens(_ file: GGUFFile) throws -> [Int32] {
    try ["eos_token_id", "eot_token_id"].compactMap { key in
      try file.integer("tokenizer.ggml.\(key)").flatMap(Int32.init(exactly:))
    }
  }

  /// Configuration and names, completed by what only the tensors tell: the number of embeddings,
  /// a separate output projection, biases and rotary divisors.
  static func describe(_ file: GGUFFile) throws -> (ModelConfiguration, TensorNames) {
    let known = ["gpt2", "llama", "qwen2"]
    guard let architecture = try file.string("general.architecture") else {
      throw ModelError.configuration(
        location: file.location, key: "general.architecture", found: "missing",
        expected: "one of \(known.joined(separator: ", "))")
    }
    guard known.contains(architecture) else {
      throw ModelError.configuration(
        location: file.location, key: "general.architecture", found: "'\(architecture)'",
        expected: "one of \(known.joined(separator: ", "))")
    }
    let reader = GGUFConfiguration(file: file, architecture: architecture)
    var configuration: ModelConfiguration
    let names: TensorNames
    if architecture == "gpt2" {
      (configuration, names) = (try GPT2.configuration(reader), GPT2.fileNames)
    } else {
      configuration = try Llama.configuration(reader, architecture: architecture)
      names = Llama.fileNames(architecture: architecture)
      configuration.queryKeyValueBias = file.contains("blk.0.attn_q.bias")
      configuration.attentionOutputBias = file.contains("blk.0.attn_output.bias")
    }
    let embedding = try file.required("token_embd.weight")
    configuration.vocabularySize = embedding.rowCount
    configuration.tiedOutput = !file.contains("output.weight")
    try addRotaryDivisors(file, names: names, to: &configuration)
    return (configuration, names)
  }

  private static func addRotaryDivisors(
    _ file: GGUFFile, names: TensorNames, to configuration: inout ModelConfiguration
  ) throws {
    let checkpoint = Checkpoint(source: file, names: names, configuration: configuration)
    guard case .rotary(var rotary) = configuration.position, checkpoint.contains(.rotaryDivisors)
    else { return }
    let divisors = try checkpoint.tensor(.rotaryDivisors).dequantised().map(Double.init)
    guard divisors.allSatisfy({ $0 > 0 && $0.isFinite }), divisors.count == rotary.width / 2 else {
      throw ModelError.configuration(
        location: file.location, key: "rope_freqs.weight", found: "not all above 0",
        expected: "\(rotary.width / 2) numbers above 0")
    }
    rotary.scaling = .divisors(divisors)
    configuration.position = .rotary(rotary)
  }

  static func vocabulary(of file: GGUFFile) throws -> GGUFVocabulary {
    func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }
    guard let model = try file.string(key("model")) else {
      throw ModelError.configuration(
        location: file.location, key: key("model"), found: "missing", expected: "gpt2 or llama")
    }
    guard let tokens = try file.byteStrings(key("tokens")) else {
      throw ModelError.configuration(
        location: file.location, key: key("tokens"), found: "missing",
        expected: "a list of strings")
    }
    var result = GGUFVocabulary(model: model, tokens: tokens, location: file.location)
    result.pre = try file.string(key("pre"))
    result.scores = try file.floats(key("scores")) ?? []
    result.types = try file.integers(key("token_type"))?.map { Int32(clamping: $0) } ?? []
    if let merges = try file.byteStrings(key("merges")) {
      result.merges = merges
    } else if model == "gpt2" {
      throw ModelError.configuration(
        location: file.location, key: key("merges"), found: "missing",
        expected: "a list of strings")
    }
    result.beginningOfSequence = try file.integer(key("bos_token_id"))
    result.endOfSequence = try file.integer(key("eos_token_id"))
    result.unknown = try file.integer(key("unknown_token_id"))
    result.addsBeginning = try file.boolean(key("add_bos_token"))
    result.addsEnd = try file.boolean(key("add_eos_token"))
    result.addsSpacePrefix = try file.boolean(key("add_space_prefix"))
    result.removesExtraSpaces = try file.boolean(key("remove_extra_whitespaces"))
    return result
  }
}
