import GPTModel
import Testing

@Suite struct KVCacheTests {
  private func ids(_ count: Int, seed: Int = 0) -> [Int32] {
    (0..<count).map { Int32(($0 * 37 + seed * 11) % 131) }
  }

  @Test(arguments: [1, 63, 64, 65, 100])
  func aForkGoesOnLikeTheOriginalAndLeavesItAlone(count: Int) throws {
    let transformer = try GoldenModel.folder("llama").open().transformer
    let original = transformer.makeCache()
    _ = try transformer.forward(ids(count), cache: original, logits: .none)
    let fork = original.fork()
    let other = try transformer.forward(ids(20, seed: 1), cache: fork, logits: .last)
    let own = try transformer.forward(ids(3), cache: original, logits: .last)
    let fresh = transformer.makeCache()
    _ = try transformer.forward(ids(count), cache: fresh, logits: .none)
    #expect(try transformer.forward(ids(3), cache: fresh, logits: .last) == own)
    let second = transformer.makeCache()
    _ = try transformer.forward(ids(count), cache: second, logits: .none)
    #expect(try transformer.forward(ids(20, seed: 1), cache: second, logits: .last) == other)
  }

  @Test(arguments: ["gpt2", "llama", "mistral"], [0, 10, 64])
  func truncatingForgetsExactlyWhatCameAfter(name: String, count: Int) throws {
    let transformer = try GoldenModel.folder(name).open().transformer
    let cache = transformer.makeCache()
    let kept = ids(count)
    _ = try transformer.forward(kept + ids(30, seed: 2), cache: cache, logits: .none)
    cache.truncate(to: count)
    #expect(cache.tokenCount == count)
    let fresh = transformer.makeCache()
    _ = try transformer.forward(kept, cache: fresh, logits: .none)
    #expect(
      try transformer.forward(ids(5, seed: 3), cache: cache, logits: .all)
        == transformer.forward(ids(5, seed: 3), cache: fresh, logits: .all))
  }

  @Test(arguments: ["gpt2", "llama"])
  func discardingTokensEqualsNeverHavingSeenThem(name: String) throws {
    let transformer = try GoldenModel.folder(name).open().transformer
    let cache = transformer.makeCache()
    let all = ids(80)
    _ = try transformer.forward(all, cache: cache, logits: .none)
    try transformer.discard(4..<50, from: cache)
    let rest = Array(all[..<4] + all[50...])
    #expect(cache.tokens == rest)
    let fresh = transformer.makeCache()
    _ = try transformer.forward(rest, cache: fresh, logits: .none)
    #expect(
      try transformer.forward([7], cache: cache, logits: .last)
        == transformer.forward([7], cache: fresh, logits: .last))
  }
}
