import Foundation
import GPT

/// The tiny Llama of `Tests/Fixtures/models` with room for prompts of several chunks.
enum PrefixFixture {
  static func write(to folder: String) throws {
    let source = SpeculationFixture.folder + "llama/"
    for name in ["model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
      try FileManager.default.copyItem(atPath: source + name, toPath: "\(folder)/\(name)")
    }
    let text = try String(contentsOfFile: source + "config.json", encoding: .utf8)
    let long = text.replacing(/"max_position_embeddings": \d+/) {
      _ in "\"max_position_embeddings\": 4096"
    }
    try long.write(toFile: folder + "/config.json", atomically: false, encoding: .utf8)
  }

  static func open(
    _ folder: String, memory: Int = 256 << 20,
    cacheType: LanguageModel.LoadingOptions.CacheType? = nil
  ) async throws -> LanguageModel {
    var options = LanguageModel.LoadingOptions()
    (options.threadCount, options.prefixMemoryBytes, options.cacheType) = (1, memory, cacheType)
    return try await LanguageModel(at: folder, options: options)
  }

  static var options: GenerationOptions {
    var options = GenerationOptions.greedy
    (options.maximumTokens, options.topLogprobs) = (8, 3)
    options.ignoreEndOfSequence = true
    return options
  }

  /// 1,030 tokens that all of these begin with, and 70 of their own.
  static func prompt(_ seed: Int) -> [Int32] {
    SpeculationFixture.ids(1030) + SpeculationFixture.ids(70, seed: seed)
  }
}
