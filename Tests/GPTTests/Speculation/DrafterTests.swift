import GPT
import Testing

struct DrafterTests {
  @Test(
    arguments: [
      ([], nil), ([1], nil), ([1, 1], nil), ([1, 1, 1], 2), ([1, 2, 3, 1, 2], 2),
      ([1, 2, 3, 1, 2, 4, 1, 2], 5), ([5, 1, 2, 3, 1, 2, 4, 5, 1, 2], 3), ([1, 2, 3, 4], nil),
    ] as [([Int32], Int?)])
  func theLongestThenTheLatestRepetitionIsFound(history: [Int32], end: Int?) {
    #expect(PromptLookup.match(in: history)?.end == end)
  }

  @Test func aRepetitionThatReachesTheEndGoesOnInItself() {
    let lookup = PromptLookup()
    let history = [Int32](repeating: 7, count: 4) + [8, 7, 8, 7, 8, 7, 8]
    let place = DraftPlace(history: history, context: history, isCancelled: { false })
    let tokens = lookup.propose(place, limit: 7).map(\.id)
    #expect(!tokens.isEmpty)
    #expect(tokens == [7, 8, 7, 8, 7, 8, 7].prefix(tokens.count).map { $0 })
  }

  @Test(arguments: [0, 1, 3, 7, 100])
  func rightGuessesBecomeAsManyAsThereIsRoomFor(limit: Int) {
    var length = DraftLength(expected: 0.3)
    for _ in 0..<100 {
      let count = length.next(limit: limit)
      length.learn(accepted: count, of: count)
    }
    #expect(length.next(limit: limit) == min(limit, DraftLength.maximum))
  }

  /// Wasted work stays within two in a hundred passes.
  @Test func wrongGuessesBecomeRare() {
    var length = DraftLength(expected: 0.7)
    var guesses = 0
    for _ in 0..<2000 {
      let count = length.next(limit: 7)
      length.learn(accepted: 0, of: count)
      guesses += count
    }
    #expect(guesses <= 40, "\(guesses)")
    #expect(guesses >= 5, "\(guesses)")
  }

  @Test func guessesThatCostMoreThanTheySaveAreNotMade() {
    var length = DraftLength(expected: 0.7, draftCost: 1)
    #expect((0..<15).allSatisfy { _ in length.next(limit: 7) == 0 })
  }
}
