internal import GPTTokenizer

/// Divides a text that comes in pieces into windows of tokens.
///
/// A window begins with the last target of the one before, so every token but the first is a target
/// once. What begins and ends a sequence stands around the whole text.
struct TextWindows {
  private let text: TextEncoder
  /// Inputs of a window.
  private let length: Int
  private var pending: [Int32]
  private var isAtStart = true

  init(_ text: TextEncoder, length: Int) {
    self.text = text
    self.length = length
    pending = text.beginning
  }

  /// - Returns: the windows that are full
  mutating func append(_ piece: String) throws(TokenizerError) -> [EncodedSequence] {
    pending += try text.encode(piece, continues: !isAtStart)
    isAtStart = false
    return take(length)
  }

  /// - Returns: the windows that are left
  mutating func finish() -> [EncodedSequence] {
    if let end = text.tokenizer.endOfSequence, !isAtStart { pending.append(end) }
    return take(1)
  }

  /// Takes windows off the front while at least `minimum` inputs are there.
  private mutating func take(_ minimum: Int) -> [EncodedSequence] {
    var windows: [EncodedSequence] = []
    var start = 0
    while pending.count - start > minimum {
      let end = start + min(length, pending.count - start - 1)
      var window = EncodedSequence()
      window.append(Array(pending[start...end]), isTrained: true)
      windows.append(window)
      start = end
    }
    pending.removeSubrange(..<start)
    return windows
  }
}
