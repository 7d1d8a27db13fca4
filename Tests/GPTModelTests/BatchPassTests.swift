import GPTModel
import Testing

@Suite struct BatchPassTests {
  private func ids(_ count: Int, seed: Int) -> [Int32] {
    (0..<count).map { Int32(($0 * 37 + seed * 11) % 131) }
  }

  /// Lengths before, and lengths of the batch, of 1 token and beyond a page of the cache.
  @Test(arguments: ["gpt2", "llama", "mistral"], [[(0, 5)], [(3, 1), (0, 70), (64, 9), (10, 1)]])
  func sequencesOfABatchEqualThoseComputedAlone(
    name: String, lengths: [(before: Int, new: Int)]
  ) throws {
    let transformer = try GoldenModel.folder(name).open().transformer
    var parts: [SequencePart] = []
    var expected: [[Float]] = []
    for (seed, length) in lengths.enumerated() {
      let new = ids(length.new, seed: seed + 7)
      let selection: LogitsSelection = seed % 2 == 0 ? .all : .last
      let alone = transformer.makeCache()
      _ = try transformer.forward(ids(length.before, seed: seed), cache: alone, logits: .none)
      let cache = alone.fork()
      expected.append(try transformer.forward(new, cache: alone, logits: selection))
      parts.append(SequencePart(tokens: new[...], cache: cache, logits: selection))
    }
    let found = try BatchPass(transformer).forward(parts)
    for (found, expected) in zip(found, expected) {
      let difference = largestDifference(found, expected)
      #expect(difference < 1e-4, "\(name): \(difference)")
    }
    for (part, length) in zip(parts, lengths) {
      #expect(part.cache.tokenCount == length.before + length.new)
    }
  }

  @Test func aBadTokenLeavesEveryCacheAlone() throws {
    let transformer = try GoldenModel.folder("llama").open().transformer
    let caches = [transformer.makeCache(), transformer.makeCache()]
    let parts = [
      SequencePart(tokens: [1, 2], cache: caches[0], logits: .last),
      SequencePart(tokens: [3, 307], cache: caches[1], logits: .last),
    ]
    #expect(throws: ModelError.invalidToken(id: 307, vocabularySize: 307)) {
      try BatchPass(transformer).forward(parts)
    }
    #expect(caches.map(\.tokenCount) == [0, 0])
  }
}
