package import GPTTokenizer

/// Turns generated tokens into text, and holds back what may become a stop string.
///
/// A token comes out once its whole text is certain: it does not end in the middle of a character,
/// and no stop string begins in it that later tokens could complete.
package struct TextAssembler {
  private struct Pending {
    let token: GeneratedToken
    /// Where the token's text ends, in bytes from the start of the text.
    let end: Int
  }

  private var decoder: IncrementalDecoder
  private let stops: [[UInt8]]
  private var text: [UInt8] = []
  /// Bytes of `text` that have come out.
  private var released = 0
  private var pending: [Pending] = []
  private(set) var foundStop = false

  package init(decoder: IncrementalDecoder, stopStrings: [String]) {
    self.decoder = decoder
    stops = stopStrings.map { Array($0.utf8) }
  }

  /// Adds a token and returns those that are certain now.
  package mutating func append(_ token: GeneratedToken) -> [GeneratedToken] {
    text += Array(decoder.append(token.id).utf8)
    pending.append(Pending(token: token, end: text.count))
    if let stop = earliestStop() {
      foundStop = true
      text.removeSubrange(stop...)
      return release(upTo: stop, all: false)
    }
    var rest = decoder
    let endsInCharacter = !rest.finish().isEmpty
    return release(upTo: text.count - heldBackCount(), all: !endsInCharacter)
  }

  /// The tokens that are still held back, when the generation ends without a stop string.
  package mutating func finish() -> [GeneratedToken] {
    guard !foundStop else { return [] }
    text += Array(decoder.finish().utf8)
    if let last = pending.popLast() {
      pending.append(Pending(token: last.token, end: text.count))
    }
    return release(upTo: text.count, all: true)
  }

  /// - Parameter all: false keeps the last token back.
  private mutating func release(upTo limit: Int, all: Bool) -> [GeneratedToken] {
    var tokens: [GeneratedToken] = []
    while let first = pending.first, first.end <= limit, all || pending.count > 1 {
      tokens.append(take(first.token, upTo: first.end))
      pending.removeFirst()
    }
    // The token in which a stop string begins keeps the text before it.
    if foundStop, released < limit, let first = pending.first {
      tokens.append(take(first.token, upTo: limit))
    }
    return tokens
  }

  private mutating func take(_ token: GeneratedToken, upTo end: Int) -> GeneratedToken {
    defer { released = end }
    return GeneratedToken(
      id: token.id, text: String(decoding: text[released..<end], as: UTF8.self),
      logprob: token.logprob, topLogprobs: token.topLogprobs)
  }

  private func earliestStop() -> Int? {
    stops.compactMap { stop in
      guard text.count - released >= stop.count else { return nil }
      return (released...text.count - stop.count).first { text[$0...].starts(with: stop) }
    }.min()
  }

  /// Length of the longest end of the text that a stop string begins with.
  private func heldBackCount() -> Int {
    stops.reduce(0) { longest, stop in
      var count = min(stop.count - 1, text.count - released)
      while count > longest, !text.suffix(count).elementsEqual(stop.prefix(count)) { count -= 1 }
      return max(longest, count)
    }
  }
}
