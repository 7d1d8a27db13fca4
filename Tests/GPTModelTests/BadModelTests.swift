import Foundation
import GPTModel
import Testing

/// Copies of the gpt2 and llama fixtures with one thing wrong.
@Suite struct BadModelTests {
  /// A folder with the fixture's files and `config.json` after `edit`.
  private func withEditedConfiguration(
    of name: String, _ edit: (String) -> String, _ body: (String) throws -> Void
  ) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/gpt-bad-\(UUID().uuidString)"
    try FileManager.default.copyItem(atPath: "\(GoldenModel.fixtures)/\(name)", toPath: folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/config.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let edited = edit(text)
    #expect(edited != text, "the edit found nothing")
    try FileManager.default.removeItem(atPath: path)
    try edited.write(toFile: path, atomically: false, encoding: .utf8)
    try body(folder)
  }

  private func message(_ path: String) -> String {
    do {
      _ = try OpenedModel.open(path: path, options: ModelOptions())
      return "no error"
    } catch { return error.description }
  }

  @Test(arguments: [
    (#""n_head": \d+"#, #""n_head": 0"#, "config.json: n_head is 0, expected 1…65536"),
    (
      #""n_head": \d+"#, #""n_head": 7"#,
      "config.json: n_head is 7, expected a divisor of n_embd 48"
    ),
    (
      #""n_head": \d+"#, #""n_head": "3""#, #"config.json: n_head is "3", expected an integer"#
    ),
    (
      #""n_layer": \d+"#, #""n_layer": 4"#,
      "model.safetensors: tensor 'transformer.h.3.attn.c_attn.weight' is missing"
    ),
    (
      #""vocab_size": \d+"#, #""vocab_size": 132"#,
      "model.safetensors: tensor 'transformer.wte.weight' is [131, 48], expected [132, 48] "
        + "(from the configuration)"
    ),
    (
      #""n_positions": \d+"#, #""n_positions": 1000000000"#,
      "config.json: n_positions is 1000000000, expected 1…16777216"
    ),
    (
      #""layer_norm_epsilon": [^,]+"#, #""layer_norm_epsilon": -1.0"#,
      "config.json: layer_norm_epsilon is -1.0, expected a number above 0"
    ),
    (
      #""model_type": "gpt2""#, #""model_type": "bert""#,
      "config.json: model_type is 'bert', expected one of gpt2, llama, mistral, qwen2"
    ),
    (
      #""activation_function": "[^"]+""#, #""activation_function": "relu""#,
      "config.json: activation_function is 'relu', expected gelu_new or gelu_pytorch_tanh"
    ),
  ])
  func aBadGPT2ConfigurationIsExplained(pattern: String, by text: String, expected: String) throws {
    try withEditedConfiguration(of: "gpt2") { source in
      source.replacingOccurrences(of: pattern, with: text, options: .regularExpression)
    } _: { folder in
      #expect(message(folder) == expected)
    }
  }

  @Test(arguments: [
    (
      #""num_key_value_heads": \d+"#, #""num_key_value_heads": 4"#,
      "config.json: num_key_value_heads is 4, expected a divisor of the 6 heads of "
        + "num_attention_heads"
    ),
    (
      #""hidden_act": "silu""#, #""hidden_act": "gelu""#,
      "config.json: hidden_act is 'gelu', expected silu"
    ),
    (
      #""intermediate_size": \d+"#, #""intermediate_size": null"#,
      "config.json: intermediate_size is missing, expected 1…16777216"
    ),
  ])
  func aBadLlamaConfigurationIsExplained(pattern: String, by text: String, expected: String) throws
  {
    try withEditedConfiguration(of: "llama") { source in
      source.replacingOccurrences(of: pattern, with: text, options: .regularExpression)
    } _: { folder in
      #expect(message(folder) == expected)
    }
  }

  @Test func aFileOfWeightsAloneIsNoModel() {
    let path = GoldenModel.fixtures + "/gpt2/model.safetensors"
    #expect(
      message(path)
        == "\(path): is a file of weights alone, expected the folder that also holds config.json "
        + "and a tokenizer, or a .gguf file")
  }

  @Test func tokensAndContextAreCheckedBeforeTheCacheChanges() throws {
    let model = try GoldenModel.folder("gpt2").open()
    let cache = model.transformer.makeCache()
    #expect(throws: ModelError.invalidToken(id: 131, vocabularySize: 131)) {
      try model.transformer.forward([1, 131], cache: cache, logits: .last)
    }
    #expect(throws: ModelError.invalidToken(id: -1, vocabularySize: 131)) {
      try model.transformer.forward([-1], cache: cache, logits: .last)
    }
    let length = model.configuration.contextLength
    let tooMany = [Int32](repeating: 1, count: length + 1)
    #expect(throws: ModelError.contextExceeded(tokenCount: length + 1, contextLength: length)) {
      try model.transformer.forward(tooMany, cache: cache, logits: .last)
    }
    #expect(cache.tokenCount == 0)
  }
}
