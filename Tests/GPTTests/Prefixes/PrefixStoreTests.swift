import GPT
import TestSupport
import Testing

struct PrefixStoreTests {
  @Test func promptsThatBeginAlikeGoOnWithTheSameBits() async throws {
    try await withTemporaryFolder { folder in
      try PrefixFixture.write(to: folder)
      let model = try await PrefixFixture.open(folder)
      for (seed, reused) in [(1, 0), (2, 1024), (1, 1024)] {
        let prompt = PrefixFixture.prompt(seed)
        let found = try await model.generate(promptTokens: prompt, options: PrefixFixture.options)
        #expect(found.timings.reusedTokenCount == reused)
        let fresh = try await PrefixFixture.open(folder, memory: 0).generate(
          promptTokens: prompt, options: PrefixFixture.options)
        #expect(found.tokens == fresh.tokens)
      }
    }
  }

  @Test func generationsAtOnceShareABeginning() async throws {
    try await withTemporaryFolder { folder in
      try PrefixFixture.write(to: folder)
      let model = try await PrefixFixture.open(folder)
      var alone: [[GeneratedToken]] = []
      for seed in 0..<4 {
        let fresh = try await PrefixFixture.open(folder, memory: 0)
        alone.append(
          try await fresh.generate(
            promptTokens: PrefixFixture.prompt(seed), options: PrefixFixture.options
          ).tokens)
      }
      _ = try await model.generate(
        promptTokens: PrefixFixture.prompt(9), options: PrefixFixture.options)
      let together = try await withThrowingTaskGroup(of: (Int, Generation).self) { group in
        for seed in 0..<4 {
          group.addTask {
            let result = try await model.generate(
              promptTokens: PrefixFixture.prompt(seed), options: PrefixFixture.options)
            return (seed, result)
          }
        }
        var results: [Int: Generation] = [:]
        for try await (seed, result) in group { results[seed] = result }
        return results
      }
      for seed in 0..<4 {
        #expect(together[seed]?.tokens == alone[seed])
        #expect(together[seed]?.timings.reusedTokenCount == 1024)
      }
    }
  }

  @Test func aPromptOfWholeChunksLeavesOneChunkToCompute() async throws {
    let model = LanguageModel.fake(FakePredictor { _ in oneHot(65, 258) })
    let prompt = [Int32](repeating: 7, count: 1024)
    var options = GenerationOptions.greedy
    options.maximumTokens = 1
    for reused in [0, 512] {
      let result = try await model.generate(promptTokens: prompt, options: options)
      #expect(result.timings.reusedTokenCount == reused)
    }
    options.reusesPrefixes = false
    let result = try await model.generate(promptTokens: prompt, options: options)
    #expect(result.timings.reusedTokenCount == 0)
  }

  @Test func sessionsShareTheirInstructions() async throws {
    let model = LanguageModel.fake(FakePredictor { _ in oneHot(65, 258) })
    var options = GenerationOptions.greedy
    options.maximumTokens = 2
    for reused in [0, 512] {
      let session = LanguageModelSession(
        model: model, instructions: String(repeating: "be kind ", count: 100),
        chatFormat: "chatml")
      let answer = try await session.respond(to: "question \(reused)", options: options)
      #expect(answer.generation.timings.reusedTokenCount == reused)
    }
  }

  /// 1,024 tokens take 2 blocks · 2 heads · (16 + 16) numbers of 4 bytes each, 524,288 bytes: the
  /// second limit has room for the prompt of one generation and not for two.
  @Test(arguments: [(0, [0, 0, 0]), (800_000, [0, 0, 0]), (1 << 30, [0, 0, 1024])])
  func memoryIsBounded(limit: Int, expected: [Int]) async throws {
    try await withTemporaryFolder { folder in
      try PrefixFixture.write(to: folder)
      let model = try await PrefixFixture.open(folder, memory: limit, cacheType: .f32)
      var reused: [Int] = []
      for first in [1, 2, 1] as [Int32] {
        let result = try await model.generate(
          promptTokens: [first] + PrefixFixture.prompt(0), options: PrefixFixture.options)
        reused.append(result.timings.reusedTokenCount)
      }
      #expect(reused == expected)
    }
  }
}
