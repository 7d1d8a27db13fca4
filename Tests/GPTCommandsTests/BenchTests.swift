import GPT
import GPTCommands
import GPTModel
import Testing

@Suite struct BenchTests {
  @Test(arguments: [
    ["--compare", "threads=1"], ["--compare", "kernels=portable", "--compare", "kv-type=f32"],
    ["--compare", "low-memory=true"],
    ["--compare", "precision=fp32"], ["--compare", "model=a=b.gguf"], ["--profile"],
    ["--sequences", "8", "--depth", "100"], ["--no-limits", "--json"],
  ])
  func modesParse(arguments: [String]) {
    #expect(CommandLineTool.exitCode(parsing: ["bench"] + arguments) == 0)
  }

  @Test(arguments: [
    ["--compare", "threads=0"], ["--compare", "threads=many"], ["--compare", "threads"],
    ["--compare", "kernels=sse"], ["--compare", "kv-type=f8"], ["--compare", "precision=int1"],
    ["--compare", "low-memory=yes"],
    ["--compare", "model="], ["--compare", "speed=1"], ["--compare", ""],
    ["--compare", "threads=1", "--compare", "threads=2"], ["--compare", "threads=1", "--profile"],
    ["--profile", "--sequences", "2"], ["--train", "--profile"], ["--sequences", "0"],
    ["--sequences", "513"], ["--sequences", "2", "--generate-tokens", "0"], ["--depth", "-1"],
    ["--repetitions", "0"], ["--depth", "9223372036854775807"],
  ])
  func wrongUsageIsTurnedAway(arguments: [String]) {
    #expect(CommandLineTool.exitCode(parsing: ["bench"] + arguments) == 64)
  }

  private static func model(_ name: String) async throws -> LanguageModel {
    let parts = #filePath.split(separator: "/").dropLast(2)
    var options = LanguageModel.LoadingOptions()
    options.precision = .fp32
    options.threadCount = 1
    return try await LanguageModel(
      at: "/" + parts.joined(separator: "/") + "/Fixtures/models/" + name, options: options)
  }

  @Test(arguments: ["gpt2", "llama"], [1, 5])
  func sequencesDecodedTogetherAreThoseDecodedAlone(name: String, count: Int) async throws {
    let model = try await Self.model(name)
    let contexts = (0..<count).map { index in
      (0...index * 3).map { Int32(($0 * 37 + index) % 131) }
    }
    let together = try await model.decodeTogether(behind: contexts, generateTokens: 6)
    #expect(together.tokens.map(\.count) == [Int](repeating: 6, count: count))
    #expect(together.seconds > 0)
    for (context, found) in zip(contexts, together.tokens) {
      var tokens = context
      // The first token comes out of the context and is no pass of its own.
      for _ in 0...6 {
        let row = try await model.logits(for: tokens).suffix(model.information.vocabularySize)
        tokens.append(try #require(Sampler.largest(Array(row))))
      }
      #expect(found == Array(tokens.suffix(6)))
    }
  }

  @Test(arguments: ["gpt2", "llama"])
  func theStagesOfAProfileCoverItsTime(name: String) async throws {
    let model = try await Self.model(name)
    let profile = try await model.profile(
      prompt: [1, 2, 3, 4, 5], context: [7], generateTokens: 20)
    #expect(profile.prompt.tokenCount == 5)
    #expect(profile.decode.tokenCount == 20)
    for part in [profile.prompt, profile.decode] {
      #expect(part.coverage >= 0.9 && part.coverage <= 1, "\(part.coverage)")
    }
    let sampling = try #require(profile.decode.stages.first { $0.stage == .sampling })
    #expect(sampling.seconds > 0)
  }
}
