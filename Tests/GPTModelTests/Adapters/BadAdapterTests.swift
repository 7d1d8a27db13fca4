import Foundation
import GPTModel
import GPTTensor
import GPTWeights
import TestSupport
import Testing

private let query = "base_model.model.model.layers.1.self_attn.q_proj"

/// Copies of the fixtures' adapters with one thing wrong.
@Suite struct BadAdapterTests {
  private func message(_ folder: String, base: String = "llama") throws -> String {
    let configuration = try GoldenModel.folder(base).open().configuration
    do {
      _ = try loadAdapter(from: folder, configuration: configuration)
      return "no error"
    } catch { return error.description }
  }

  /// key, its new value as JSON, message behind "adapter_config.json: "
  @Test(arguments: [
    ("peft_type", #""IA3""#, "peft_type is 'IA3', expected 'LORA'"),
    ("peft_type", "null", "peft_type is missing, expected 'LORA'"),
    ("peft_type", "3", "peft_type is 3, expected a string"),
    ("task_type", #""SEQ_CLS""#, "task_type is 'SEQ_CLS', expected 'CAUSAL_LM'"),
    ("bias", #""all""#, "bias is 'all', expected 'none' (adapted biases are not supported)"),
    ("use_dora", "true", "use_dora is true, expected none (only plain LoRA is supported)"),
    ("lora_bias", "true", "lora_bias is true, expected none (only plain LoRA is supported)"),
    (
      "modules_to_save", #"["lm_head"]"#,
      "modules_to_save is an array, expected none (only plain LoRA is supported)"
    ),
    (
      "trainable_token_indices", "[4]",
      "trainable_token_indices is an array, expected none (only plain LoRA is supported)"
    ),
    (
      "layer_replication", "[[0, 2]]",
      "layer_replication is an array, expected none (only plain LoRA is supported)"
    ),
    (
      "kasa_config", #"{"a": 1}"#,
      "kasa_config is an object, expected none (only plain LoRA is supported)"
    ),
    (
      "init_lora_weights", #""pissa_niter_4""#,
      "init_lora_weights is 'pissa_niter_4', expected true, false or one of gaussian, eva, "
        + "orthogonal, mica, which leave the base as it is"
    ),
    ("r", "0", "r is 0, expected 1…65536"),
    ("r", "-3", "r is -3, expected 1…65536"),
    ("r", "9223372036854775807", "r is 9223372036854775807, expected 1…65536"),
    ("r", "2.5", "r is 2.5, expected an integer"),
    ("lora_alpha", #""8""#, #"lora_alpha is "8", expected a number"#),
    ("lora_alpha", "1e300", "lora_alpha is 1e+300, expected a number that fits into 32 bits"),
    ("lora_alpha", "1e999", "lora_alpha is inf, expected a finite number"),
    ("lora_dropout", "1.0", "lora_dropout is 1.0, expected 0 or more, below 1"),
    ("use_rslora", "1", "use_rslora is 1, expected true or false"),
    (
      "target_modules", #"".*proj""#,
      #"target_modules is ".*proj", expected a list of names (regular expressions are not supported)"#
    ),
    ("target_modules", "[7]", "an entry of target_modules is 7, expected a name"),
    (
      "exclude_modules", #""v.*""#,
      #"exclude_modules is "v.*", expected a list of names (regular expressions are not supported)"#
    ),
    ("layers_to_transform", "1.5", "layers_to_transform is 1.5, expected a list of integers"),
    (
      "layers_to_transform", #"["1"]"#,
      #"an entry of layers_to_transform is "1", expected an integer"#
    ),
    ("rank_pattern", "[]", "rank_pattern is an array, expected an object"),
    (
      "rank_pattern", #"{"q_proj": 0}"#,
      "rank_pattern.q_proj is 0, expected a number (a rank: 1…65536)"
    ),
    (
      "alpha_pattern", #"{"q_proj": null}"#,
      "alpha_pattern.q_proj is null, expected a number (a rank: 1…65536)"
    ),
    (
      "alpha_pattern", #"{"(a+)+$": 3}"#,
      "a key of alpha_pattern is '(a+)+$', expected a module's name, with no more of a regular "
        + "expression than . and .*"
    ),
  ])
  func aBadConfigurationIsExplained(key: String, value: String, expected: String) throws {
    try withAdapterCopy(of: "llama-part") { folder in
      try set(key, to: value, in: folder)
      #expect(try message(folder) == "adapter_config.json: " + expected)
    }
  }

  /// key, its new value as JSON, message behind "adapter_model.safetensors: "
  @Test(arguments: [
    (
      "r", "6",
      "tensor '\(query).lora_A.weight' is [5, 36], expected [6, 36] (rank of "
        + "adapter_config.json, size of the model's matrix)"
    ),
    (
      "rank_pattern", #"{"v_proj": 4}"#,
      "tensor 'base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight' is [5, 36], "
        + "expected [4, 36] (rank of adapter_config.json, size of the model's matrix)"
    ),
    (
      "layers_to_transform", "[0, 1]",
      "tensor 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight' is missing"
    ),
    (
      "target_modules", #"["q_proj"]"#,
      "tensor 'base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight' is there, expected "
        + "none, since adapter_config.json does not select it"
    ),
    (
      "exclude_modules", #"["self_attn.q_proj"]"#,
      "tensor '\(query).lora_A.weight' is there, expected none, since adapter_config.json does "
        + "not select it"
    ),
  ])
  func tensorsThatAreNotThoseOfTheConfigurationAreRefused(
    key: String, value: String, expected: String
  ) throws {
    try withAdapterCopy(of: "llama-part") { folder in
      try set(key, to: value, in: folder)
      #expect(try message(folder) == "adapter_model.safetensors: " + expected)
    }
  }

  /// What becomes of the query's B, and the message behind "adapter_model.safetensors: tensor '".
  @Test(
    arguments: [
      (nil, "\(query).lora_B.weight' is missing"),
      (
        "\(query).lora_magnitude_vector.weight",
        "\(query).lora_magnitude_vector.weight' belongs to DoRA, expected plain LoRA, the only kind "
          + "that is supported"
      ),
      (
        "base_model.model.model.embed_tokens.lora_embedding_B",
        "base_model.model.model.embed_tokens.lora_embedding_B' adapts an embedding, expected "
          + "adapters of the blocks' matrices alone"
      ),
      (
        "\(query).lora_B.bias",
        "\(query).lora_B.bias' is not a matrix of LoRA, expected a name that ends in .lora_A.weight "
          + "or .lora_B.weight"
      ),
      (
        "base_model.model.lm_head.lora_B.weight",
        "base_model.model.lm_head.lora_B.weight' adapts nothing in this model, expected names such "
          + "as 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight' (another model's "
          + "adapter?)"
      ),
      (
        "base_model.model.model.layers.2.self_attn.q_proj.lora_B.weight",
        "base_model.model.model.layers.2.self_attn.q_proj.lora_B.weight' adapts nothing in this "
          + "model, expected names such as "
          + "'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight' (another model's "
          + "adapter?)"
      ),
    ] as [(String?, String)])
  func aBadNameIsExplained(name: String?, expected: String) throws {
    try withAdapterCopy(of: "llama-part") { folder in
      try rewrite(folder) { $0 == query + ".lora_B.weight" ? name : $0 }
      #expect(try message(folder) == "adapter_model.safetensors: tensor '" + expected)
    }
  }

  @Test(arguments: [
    (
      "llama-part", "gpt2",
      "adapter_model.safetensors: tensor "
        + "'base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight' adapts nothing in this "
        + "model, expected names such as "
        + "'base_model.model.transformer.h.0.attn.c_attn.lora_A.weight' (another model's adapter?)"
    ),
    (
      "llama-part", "qwen2",
      "adapter_model.safetensors: tensor "
        + "'base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight' is [5, 36], expected "
        + "[5, 60] (rank of adapter_config.json, size of the model's matrix)"
    ),
    (
      "gpt2-all", "gpt2-untied",
      "adapter_model.safetensors: tensor "
        + "'base_model.model.transformer.h.2.attn.c_attn.lora_A.weight' adapts nothing in this "
        + "model, expected names such as "
        + "'base_model.model.transformer.h.0.attn.c_attn.lora_A.weight' (another model's adapter?)"
    ),
  ])
  func anAdapterOfAnotherModelIsRefused(name: String, base: String, expected: String) throws {
    #expect(try message(GoldenAdapter.folder(name), base: base) == expected)
    let path = GoldenModel.folder(base).path
    #expect(throws: ModelError.self) {
      try openModel(path, adapters: [(GoldenAdapter.folder(name), 1)])
    }
  }

  @Test func tensorsOfOtherTypesAreRefused() throws {
    try withAdapterCopy(of: "llama-part") { folder in
      let path = folder + "/adapter_model.safetensors"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      let range = try #require(bytes.range(of: Data(#""dtype":"BF16""#.utf8)))
      bytes.replaceSubrange(range, with: Data(#""dtype":"I16" "#.utf8))
      try bytes.write(to: URL(fileURLWithPath: path))
      let found = try message(folder)
      #expect(found.contains("' has type I16, expected one of F32, F16, BF16, "), "\(found)")
    }
  }

  @Test(arguments: 0..<40)
  func aFileCutAnywhereIsRefused(part: Int) throws {
    try withAdapterCopy(of: "llama-part") { folder in
      let file = part % 2 == 0 ? "adapter_model.safetensors" : "adapter_config.json"
      let url = URL(fileURLWithPath: "\(folder)/\(file)")
      let bytes = try Data(contentsOf: url)
      try bytes.prefix(bytes.count * part / 41).write(to: url)
      #expect(try message(folder).contains(file))
    }
  }

  @Test func whatIsNoAdapterFolderIsNamed() throws {
    let expected = "expected a folder with adapter_config.json and adapter_model.safetensors"
    let model = GoldenModel.folder("llama").path
    #expect(try message("/nowhere") == "/nowhere: there is no adapter, \(expected)")
    #expect(try message(model) == "\(model): has no adapter_config.json, \(expected)")
    let file = model + "/config.json"
    #expect(try message(file) == "\(file): is not a folder, \(expected)")
    try withAdapterCopy(of: "llama-part") { folder in
      let weights = "\(folder)/adapter_model"
      try FileManager.default.moveItem(
        atPath: weights + ".safetensors", toPath: weights + ".bin")
      #expect(
        try message(folder)
          == "\(folder): has adapter_model.bin but no adapter_model.safetensors, expected weights "
          + "in safetensors format (pickles are never opened)")
    }
  }

  @Test func anAdapterIsNoModel() throws {
    let folder = GoldenAdapter.folder("llama-part")
    #expect(isAdapterFolder(folder))
    #expect(!isAdapterFolder(GoldenModel.folder("llama").path))
    do {
      _ = try OpenedModel.open(path: folder, options: ModelOptions())
      Issue.record("it was opened")
    } catch {
      #expect(
        error.description
          == "\(folder): is an adapter, expected the model that it is for (an adapter is given "
          + "with --adapter)")
    }
  }

  private func set(_ key: String, to value: String, in folder: String) throws {
    try edit(folder + "/adapter_config.json") { text in
      let pattern = #"(?s)"\#(key)": (\[[^\]]*\]|[^,\n]*)"#
      let range = text.range(of: pattern, options: .regularExpression)
      return range.map { text.replacingCharacters(in: $0, with: #""\#(key)": \#(value)"#) } ?? text
    }
  }
}
