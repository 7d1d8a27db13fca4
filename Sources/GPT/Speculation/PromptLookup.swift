/// Guesses that a text goes on as it did the last time its latest tokens occurred.
///
/// - Source: Saxena 2023, "Prompt lookup decoding"; Yang et al. 2023, arXiv:2304.04487
package final class PromptLookup: Drafter {
  /// Shorter repetitions say too little.
  private static let leastMatch = 2
  /// Longer repetitions are trusted alike.
  private static let longestMatch = 6

  /// By length of the repetition, from the least on.
  private var lengths: [DraftLength]
  private var used = 0

  package init() {
    lengths = (Self.leastMatch...Self.longestMatch).map {
      DraftLength(expected: 0.1 * Double($0 + 1))
    }
  }

  package func begin(with prompt: [Int32], isCancelled: () -> Bool) {}

  package func propose(_ place: DraftPlace, limit: Int) -> [ProposedToken] {
    guard let match = Self.match(in: place.history) else { return [] }
    used = match.length - Self.leastMatch
    let count = lengths[used].next(limit: limit)
    return Self.continuation(of: place.history, from: match.end, count: count).map {
      ProposedToken(id: $0)
    }
  }

  package func learn(accepted: Int, of proposed: Int) {
    lengths[used].learn(accepted: accepted, of: proposed)
  }

  /// The longest earlier occurrence of the last tokens, the latest among equals.
  package static func match(in history: [Int32]) -> (end: Int, length: Int)? {
    history.withUnsafeBufferPointer { history in
      var best: (end: Int, length: Int)?
      for end in (leastMatch..<max(leastMatch, history.count)).reversed() {
        var length = 0
        while length < min(end, longestMatch),
          history[end - 1 - length] == history[history.count - 1 - length]
        {
          length += 1
        }
        if length >= leastMatch, length > best?.length ?? 0 { best = (end, length) }
        if length == longestMatch { break }
      }
      return best
    }
  }

  /// What followed `end`; where that is what is being guessed, the repetition goes on in it.
  private static func continuation(of history: [Int32], from end: Int, count: Int) -> [Int32] {
    var tokens: [Int32] = []
    for index in end..<end + count {
      tokens.append(index < history.count ? history[index] : tokens[index - history.count])
    }
    return tokens
  }
}
