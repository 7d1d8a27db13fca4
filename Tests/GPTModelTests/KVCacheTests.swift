import GPTModel
import GPTOps
import Glibc
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

  /// What keeping keys and values in fewer bits costs: nats for each token, the ids being as
  /// improbable as any others.
  @Test(
    arguments: ["gpt2", "llama", "mistral", "qwen2"],
    [(CacheType.f16, 2e-4), (.bf16, 2e-3), (.q8, 2e-2)])
  func aNarrowCacheHardlyChangesTheLoss(name: String, narrow: (type: CacheType, bound: Double))
    throws
  {
    let golden = GoldenModel.folder(name)
    let ids = try golden.expectation().ids
    let losses = try [CacheType.f32, narrow.type].map { type in
      let transformer = try golden.open(cacheType: type).transformer
      let logits = try transformer.forward(ids, cache: transformer.makeCache(), logits: .all)
      return loss(of: ids, logits: logits, vocabularySize: transformer.configuration.vocabularySize)
    }
    #expect(abs(losses[1] - losses[0]) < narrow.bound, "\(losses)")
    #expect(losses[1] != losses[0])
  }

  @Test(arguments: CacheType.allCases)
  func decodingAloneAndInABatchOfEightIsBitEqual(_ type: CacheType) throws {
    let transformer = try GoldenModel.folder("llama").open(
      precision: .automatic, threads: 2, cacheType: type
    ).transformer
    let caches = try (0..<8).map { seed in
      let cache = transformer.makeCache()
      _ = try transformer.forward(ids(9 + 15 * seed, seed: seed), cache: cache, logits: .none)
      return cache
    }
    let alone = try caches.map { try transformer.forward([7], cache: $0.fork(), logits: .last) }
    let together = try BatchPass(transformer).forward(
      caches.map { SequencePart(tokens: [7], cache: $0, logits: .last) })
    #expect(together == alone)
  }

  /// Mean −log p of the ids behind the first.
  private func loss(of ids: [Int32], logits: [Float], vocabularySize: Int) -> Double {
    let losses = ids.indices.dropFirst().map { index -> Double in
      let row = logits[(index - 1) * vocabularySize..<index * vocabularySize].map(Double.init)
      let peak = row.max() ?? 0
      let sum = row.reduce(0) { $0 + exp($1 - peak) }
      return peak + log(sum) - row[Int(ids[index])]
    }
    return losses.reduce(0, +) / Double(losses.count)
  }
}
