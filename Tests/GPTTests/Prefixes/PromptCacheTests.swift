import Foundation
import GPT
import TestSupport
import Testing

struct PromptCacheTests {
  /// A model and a cache of its first prompt.
  private func withCache(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (_ folder: String, _ path: String, _ expected: Generation) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      try PrefixFixture.write(to: folder)
      let path = folder + "/prompt.kv"
      let model = try await PrefixFixture.open(folder)
      var cache = try await PromptCache(at: path, for: model)
      #expect(cache.status == .absent)
      let result = try await model.generate(
        promptTokens: PrefixFixture.prompt(1), options: PrefixFixture.options)
      #expect(try await cache.save(prompt: result.promptTokens) == 1024)
      try await body(folder, path, result)
    }
  }

  @Test func anotherProcessGoesOnWithTheSameBits() async throws {
    try await withCache { folder, path, expected in
      let model = try await PrefixFixture.open(folder)
      var cache = try await PromptCache(at: path, for: model)
      #expect(cache.status == .usable(tokenCount: 1024))
      let result = try await model.generate(
        promptTokens: PrefixFixture.prompt(1), options: PrefixFixture.options)
      #expect(result.timings.reusedTokenCount == 1024)
      #expect(result.tokens == expected.tokens)
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(try await cache.save(prompt: Array(result.promptTokens.prefix(600))) == 512)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }
  }

  @Test func anotherPromptReplacesTheFile() async throws {
    try await withCache { folder, path, _ in
      let model = try await PrefixFixture.open(folder)
      var cache = try await PromptCache(at: path, for: model)
      let other = [5] + PrefixFixture.prompt(3)
      let result = try await model.generate(promptTokens: other, options: PrefixFixture.options)
      #expect(result.timings.reusedTokenCount == 0)
      #expect(try await cache.save(prompt: other) == 1024)
      let next = try await PrefixFixture.open(folder)
      _ = try await PromptCache(at: path, for: next)
      let again = try await next.generate(promptTokens: other, options: PrefixFixture.options)
      #expect(again.timings.reusedTokenCount == 1024)
      #expect(again.tokens == result.tokens)
    }
  }

  @Test func aFileOfAnotherFormOfCacheIsForeign() async throws {
    try await withCache { folder, path, _ in
      let model = try await PrefixFixture.open(folder, cacheType: .f32)
      var cache = try await PromptCache(at: path, for: model)
      #expect(
        cache.status == .foreign("is of another model, adapter, precision or type of cache"))
      let result = try await model.generate(
        promptTokens: PrefixFixture.prompt(1), options: PrefixFixture.options)
      #expect(result.timings.reusedTokenCount == 0)
      #expect(try await cache.save(prompt: result.promptTokens) == 1024)
    }
  }

  @Test func aFileOfOtherWeightsIsForeign() async throws {
    try await withCache { folder, path, _ in
      let weights = URL(fileURLWithPath: folder + "/model.safetensors")
      var data = try Data(contentsOf: weights)
      data[data.count - 1] ^= 1
      try data.write(to: weights)
      let cache = try await PromptCache(at: path, for: PrefixFixture.open(folder))
      guard case .foreign = cache.status else {
        Issue.record("\(cache.status)")
        return
      }
    }
  }

  /// Cut, with a byte more, with a byte that is another, with counts beyond all memory.
  @Test func damagedFilesAreErrors() async throws {
    try await withCache { folder, path, _ in
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      let model = try await PrefixFixture.open(folder)
      var damaged: [(String, Data)] = []
      for count in [0, 1, 8, 12, 79, 80, 4000, whole.count / 2, whole.count - 1] {
        damaged.append(("cut to \(count)", whole.prefix(count)))
      }
      damaged.append(("one more", whole + [0]))
      for place in [0, 7, 12, 20, 48, 56, 64, 72, 81, 4180, whole.count / 2, whole.count - 1] {
        var data = whole
        data[place] ^= 0x10
        damaged.append(("flipped at \(place)", data))
      }
      for place in [48, 56, 64] {
        for count in [0, 1, UInt64(Int.max), 1 << 62, .max] {
          var data = whole
          withUnsafeBytes(of: count.littleEndian) {
            data.replaceSubrange(place..<place + 8, with: $0)
          }
          damaged.append(("\(count) at \(place)", data))
        }
      }
      for (label, data) in damaged {
        try data.write(to: URL(fileURLWithPath: path))
        let error = await #expect(throws: LanguageModelError.self, "\(label)") {
          try await PromptCache(at: path, for: model)
        }
        guard case .invalidPromptCache(let text) = error else {
          Issue.record("\(label): \(String(describing: error))")
          continue
        }
        #expect(text.hasPrefix(path + ": "))
      }
      let later = whole.prefix(8) + [3] + whole.dropFirst(9)
      try later.write(to: URL(fileURLWithPath: path))
      let cache = try await PromptCache(at: path, for: model)
      #expect(cache.status == .foreign("is of version 3"))
    }
  }

  @Test(arguments: [
    ("/config.json", "is no prompt cache, expected a file that --prompt-cache wrote"),
    ("", "is a directory, expected a regular file"),
  ])
  func filesOfOthersAreErrors(name: String, message: String) async throws {
    try await withCache { folder, _, _ in
      let model = try await PrefixFixture.open(folder)
      let error = await #expect(throws: LanguageModelError.self) {
        try await PromptCache(at: folder + name, for: model)
      }
      #expect(error?.description == "\(folder)\(name): \(message)")
    }
  }
}
