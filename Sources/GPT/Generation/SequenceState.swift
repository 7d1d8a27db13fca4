/// A sequence of tokens that a model has computed, and how they were computed.
///
/// What a token adds to the cache depends, in the last bits, on how many tokens were computed with
/// it. A prompt is therefore always computed in chunks of the same length from its start, and only
/// whole chunks are used again: the result is the same whether or not they were known before.
final class SequenceState {
  /// Long enough to keep the matrix units busy, short enough to be cancelled in between.
  static let chunkLength = 512

  private var state: any PredictorState
  private(set) var tokens: [Int32] = []
  private var wholeChunksEnd = 0

  init(_ state: any PredictorState) { self.state = state }

  var tokenCount: Int { tokens.count }

  /// Computes `prompt` from the start, but for whole chunks that are known; returns the logits of
  /// its last token and how many tokens were known.
  ///
  /// - Parameter prefixes: what other sequences of the model have computed; learns from this one
  func begin(
    with prompt: [Int32], prefixes: PrefixStore? = nil, isCancelled: () -> Bool
  ) throws(LanguageModelError) -> (logits: [Float], reused: Int) {
    let known = min(commonPrefix(with: prompt), wholeChunksEnd, prompt.count - 1)
    truncate(to: known / Self.chunkLength * Self.chunkLength)
    if let other = prefixes?.state(beginning: prompt, longerThan: tokens.count) {
      state = other
      tokens = Array(prompt.prefix(other.tokenCount))
      wholeChunksEnd = tokens.count
    }
    let reused = tokens.count
    defer {
      if wholeChunksEnd > reused {
        prefixes?.insert(Array(tokens[..<wholeChunksEnd]), computedBy: state)
      }
    }
    var logits: [Float] = []
    while tokens.count < prompt.count {
      if isCancelled() { throw .cancelled }
      let end = min(tokens.count + Self.chunkLength, prompt.count)
      logits = try compute(Array(prompt[tokens.count..<end]), logits: end == prompt.count)
      if end % Self.chunkLength == 0 { wholeChunksEnd = end }
    }
    return (logits, reused)
  }

  /// Computes one more token.
  func append(_ token: Int32) throws(LanguageModelError) -> [Float] {
    try compute([token], logits: true)
  }

  /// Computes several more tokens in one pass; returns the logits of each, row after row.
  func appendAll(_ part: [Int32]) throws(LanguageModelError) -> [Float] {
    try computing(part) { () throws(LanguageModelError) in try state.forwardAll(part) }
  }

  /// Goes on to `other` from what it begins with, however that was computed; returns the logits of
  /// its last token.
  func follow(
    _ other: [Int32], isCancelled: () -> Bool
  ) throws(LanguageModelError) -> [Float] {
    truncate(to: min(commonPrefix(with: other), other.count - 1))
    var logits: [Float] = []
    while tokens.count < other.count {
      if isCancelled() { throw .cancelled }
      let end = min(tokens.count + Self.chunkLength, other.count)
      logits = try compute(Array(other[tokens.count..<end]), logits: end == other.count)
    }
    return logits
  }

  /// Forgets the last `count` tokens.
  func drop(last count: Int) { truncate(to: tokens.count - count) }

  /// Forgets half of the tokens behind the first `kept`.
  func shift(keeping kept: Int, isCancelled: () -> Bool) throws(LanguageModelError) {
    let kept = min(kept, max(0, tokens.count - 1))
    let range = kept..<kept + (tokens.count - kept + 1) / 2
    var remaining = tokens
    remaining.removeSubrange(range)
    wholeChunksEnd = min(wholeChunksEnd, kept / Self.chunkLength * Self.chunkLength)
    if state.discard(range) {
      tokens = remaining
    } else if remaining.isEmpty {
      truncate(to: 0)
    } else {
      _ = try begin(with: remaining, isCancelled: isCancelled)
    }
  }

  private func compute(_ part: [Int32], logits: Bool) throws(LanguageModelError) -> [Float] {
    try computing(part) { () throws(LanguageModelError) in
      try state.forward(part, logits: logits)
    }
  }

  private func computing(
    _ part: [Int32], _ body: () throws(LanguageModelError) -> [Float]
  ) throws(LanguageModelError) -> [Float] {
    do {
      let result = try body()
      tokens += part
      return result
    } catch {
      truncate(to: 0)
      throw error
    }
  }

  private func truncate(to count: Int) {
    state.truncate(to: count)
    tokens.removeSubrange(min(count, tokens.count)...)
    wholeChunksEnd = min(wholeChunksEnd, count)
  }

  private func commonPrefix(with prompt: [Int32]) -> Int {
    zip(tokens, prompt).prefix { $0 == $1 }.count
  }
}
