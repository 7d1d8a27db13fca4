/// Keeps what people write from becoming control tokens.
///
/// A rendered conversation is tokenized with its control tokens recognised. Where a message itself
/// contains the text of one, such as `<|im_end|>`, a mark is put inside that text before rendering,
/// and the rendered text is tokenized in the pieces between marks: the words stay, the token does
/// not arise. All of it by bytes, as tokenizers match: a combining accent behind the text would
/// hide it from a comparison of characters.
package struct ControlTextGuard: Sendable {
  /// UTF-8 of U+FDD0, a noncharacter, which Unicode keeps out of interchange (section 23.7).
  private static let mark: [UInt8] = [0xef, 0xb7, 0x90]
  private let controlTexts: [[UInt8]]
  /// For every byte, whether a control token's text begins with it.
  private let beginsControlText: [Bool]

  package init(_ tokenizer: any Tokenizer) {
    let controlTexts: [[UInt8]] = (0..<Int32(clamping: tokenizer.vocabularySize)).compactMap { id in
      guard tokenizer.isSpecial(id), let piece = tokenizer.piece(of: id) else { return nil }
      return piece.utf8.count > 1 && piece.utf8.first ?? 0xff < 0x80 ? Array(piece.utf8) : nil
    }
    self.controlTexts = controlTexts
    var begins = [Bool](repeating: false, count: 256)
    for text in controlTexts { begins[Int(text[0])] = true }
    beginsControlText = begins
  }

  /// `content` with a mark inside every control token's text.
  package func shielded(_ content: String) -> String {
    let bytes = Self.parts(of: Array(content.utf8)).flatMap { $0 }
    var result: [UInt8] = []
    for index in bytes.indices {
      result.append(bytes[index])
      guard beginsControlText[Int(bytes[index])] else { continue }
      if controlTexts.contains(where: { bytes[index...].starts(with: $0) }) { result += Self.mark }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The ids of a text rendered from shielded messages.
  package func encode(_ rendered: String, with tokenizer: any Tokenizer)
    throws(TokenizerError) -> [Int32]
  {
    var ids: [Int32] = []
    for part in Self.parts(of: Array(rendered.utf8)) {
      ids += try tokenizer.encode(
        String(decoding: part, as: UTF8.self), addSpecialTokens: false, parseSpecialTokens: true)
    }
    return ids
  }

  /// Where the longest control token's text that begins at `start` ends; nil when none does.
  package func controlTextEnd(in bytes: [UInt8], from start: Int) -> Int? {
    let rest = bytes[start...]
    let longest = controlTexts.filter { rest.starts(with: $0) }.map(\.count).max()
    return longest.map { start + $0 }
  }

  /// What stands between marks; nothing is left out but the marks.
  private static func parts(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var parts: [ArraySlice<UInt8>] = []
    var start = 0
    var index = 0
    while index < bytes.count {
      if bytes[index] == mark[0], bytes[index...].starts(with: mark) {
        if start < index { parts.append(bytes[start..<index]) }
        index += mark.count
        start = index
      } else {
        index += 1
      }
    }
    if start < bytes.count { parts.append(bytes[start...]) }
    return parts
  }
}
