/// Cuts text where a tokenizer does not notice.
enum TextChunks {
  /// Bounds the memory of encoding: SentencePiece takes about 100 bytes for one of text.
  static let largeBytes = 1 << 18
  /// For vocabularies in which a line feed is a piece of its own, so that lines do not depend on one
  /// another: the unigram model adds up scores in single precision, whose errors choose other
  /// pieces in long texts than in prompts.
  static let smallBytes = 1 << 13

  /// Ranges of `text` of at most `byteLimit` bytes.
  ///
  /// Cuts stand behind a line feed between two characters that are no spaces, where no published
  /// pre-tokenizer joins what is before and after; when there is none, behind any line feed, and in
  /// endless lines behind a space or, at last, a character.
  static func ranges(
    of text: UnsafeRawBufferPointer, byteLimit: Int
  ) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while text.count - start > byteLimit {
      let end = cut(text, start, start + byteLimit)
      ranges.append(start..<end)
      start = end
    }
    if start < text.count { ranges.append(start..<text.count) }
    return ranges
  }

  private static func cut(_ text: UnsafeRawBufferPointer, _ start: Int, _ limit: Int) -> Int {
    // Looking back over the half keeps the chunks from becoming small.
    let floor = start + (limit - start) / 2
    var anyLine: Int?
    var anySpace: Int?
    for end in stride(from: limit, to: floor, by: -1) {
      switch text[end - 1] {
      case 0x0a where !isSpace(text[end - 2]) && !isSpace(text[end]): return end
      case 0x0a: anyLine = anyLine ?? end
      case 0x20: anySpace = anySpace ?? end
      default: continue
      }
    }
    if let end = anyLine ?? anySpace { return end }
    var end = limit
    while end > floor, text[end] & 0xc0 == 0x80 { end -= 1 }
    return end
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x09
  }
}
