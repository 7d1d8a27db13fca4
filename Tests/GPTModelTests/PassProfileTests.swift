import GPTModel
import Testing

@Suite struct PassProfileTests {
  private static let prompt = (0..<70).map { Int32($0 * 37 % 131) }

  /// One token, and more than a page of the cache.
  @Test(arguments: ["gpt2", "llama", "mistral"], [1, 70])
  func stagesCoverTheTimeOfAPass(name: String, count: Int) throws {
    let transformer = try GoldenModel.folder(name).open().transformer
    let tokens = Array(Self.prompt.prefix(count))
    _ = try transformer.forward(tokens, cache: transformer.makeCache(), logits: .last)
    let caches = (0..<20).map { _ in transformer.makeCache() }
    let clock = ContinuousClock()
    let profile = PassProfile()
    let start = clock.now
    profile.begin()
    for cache in caches {
      _ = try transformer.forward(tokens, cache: cache, logits: .last, profile: profile)
    }
    let seconds = (clock.now - start) / .seconds(1)
    #expect(profile.seconds >= 0.9 * seconds, "\(profile.seconds) of \(seconds) s")
    #expect(profile.seconds <= seconds)
    for stage in PassProfile.Stage.allCases {
      #expect((profile.seconds(stage) > 0) == (stage != .sampling), "\(stage)")
    }
  }

  @Test func aProfileChangesNothingThatIsComputed() throws {
    let transformer = try GoldenModel.folder("llama").open().transformer
    let plain = try transformer.forward(
      Self.prompt, cache: transformer.makeCache(), logits: .all)
    let profiled = try transformer.forward(
      Self.prompt, cache: transformer.makeCache(), logits: .all, profile: PassProfile())
    #expect(plain == profiled)
  }

  @Test func timeBeforeTheBeginningBelongsToNoStage() {
    let profile = PassProfile()
    let clock = ContinuousClock()
    let start = clock.now
    while clock.now - start < .milliseconds(20) {}
    profile.begin()
    profile.end(.attention)
    #expect(profile.seconds < 0.01)
  }
}
