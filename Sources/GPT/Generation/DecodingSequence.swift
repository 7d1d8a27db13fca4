/// The logits after a sequence's last token; those of tokens that a drafter guesses are computed in
/// the same pass.
///
/// Up to eight tokens of a pass have the logits that each has alone, so guessing changes no result.
final class DecodingSequence {
  private struct Ahead {
    let token: ProposedToken
    /// After the token.
    let logits: [Float]
  }

  let sequence: SequenceState
  private let drafter: (any Drafter)?
  private let vocabularySize: Int
  private(set) var logits: [Float] = []
  /// Tokens that are computed and not chosen yet.
  private var ahead: ArraySlice<Ahead> = []
  /// Guesses in the last pass.
  private var guessCount = 0
  private(set) var draftedCount = 0
  private(set) var acceptedCount = 0

  init(_ sequence: SequenceState, drafter: (any Drafter)?, vocabularySize: Int) {
    self.sequence = sequence
    self.drafter = drafter
    self.vocabularySize = vocabularySize
  }

  /// The guess at the token that `logits` is about.
  var proposal: ProposedToken? { ahead.first?.token }

  /// Computes the prompt; returns how many of its tokens were known.
  func begin(
    with prompt: [Int32], prefixes: PrefixStore?, isCancelled: () -> Bool
  ) throws(LanguageModelError) -> Int {
    let reused: Int
    (logits, reused) = try sequence.begin(
      with: prompt, prefixes: prefixes, isCancelled: isCancelled)
    try drafter?.begin(with: prompt, isCancelled: isCancelled)
    return reused
  }

  /// Goes on behind `id` when it was guessed; otherwise what was guessed is forgotten.
  func take(_ id: Int32) -> Bool {
    guard let first = ahead.first else { return false }
    let isRight = first.token.id == id
    if isRight {
      ahead.removeFirst()
      acceptedCount += 1
      logits = first.logits
    }
    if !isRight || ahead.isEmpty {
      drafter?.learn(accepted: guessCount - ahead.count, of: guessCount)
      sequence.drop(last: ahead.count)
      ahead = []
    }
    return isRight
  }

  /// Computes one more token.
  ///
  /// - Parameters: history ends with id; limit is the most guesses that are of use
  func append(
    _ id: Int32, history: [Int32], limit: Int, isCancelled: @escaping () -> Bool
  ) throws(LanguageModelError) {
    let guesses = try guesses(id, history: history, limit: limit, isCancelled: isCancelled)
    guard !guesses.isEmpty else {
      logits = try sequence.append(id)
      return
    }
    let rows = try sequence.appendAll([id] + guesses.map(\.id))
    func row(_ index: Int) -> [Float] {
      Array(rows[index * vocabularySize..<(index + 1) * vocabularySize])
    }
    logits = row(0)
    ahead = guesses.enumerated().map { Ahead(token: $1, logits: row($0 + 1)) }[...]
    guessCount = guesses.count
    draftedCount += guessCount
  }

  private func guesses(
    _ id: Int32, history: [Int32], limit: Int, isCancelled: @escaping () -> Bool
  ) throws(LanguageModelError) -> [ProposedToken] {
    guard let drafter, limit > 0 else { return [] }
    let place = DraftPlace(
      history: history, context: sequence.tokens + [id], isCancelled: isCancelled)
    return try drafter.propose(place, limit: min(limit, DraftLength.maximum))
  }
}
