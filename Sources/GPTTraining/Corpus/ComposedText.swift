internal import GPTTokenizer

/// Unicode normalisation form C of valid UTF-8.
enum ComposedText {
  /// Characters below U+0300 are composed already and never change (NFC_Quick_Check of Unicode's
  /// DerivedNormalizationProps); this is the first lead byte of others.
  private static let firstLead: UInt8 = 0xcc

  /// Composes the lines of `text` that may need it; nothing composes across a line feed.
  static func compose(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(where: { $0 >= firstLead }) else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var rest = text[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: 0x0a).map { $0 + 1 } ?? rest.endIndex
      let line = rest[..<end]
      if line.contains(where: { $0 >= firstLead }) {
        result += Composition.nfc(String(decoding: line, as: UTF8.self)).utf8
      } else {
        result += line
      }
      rest = rest[end...]
    }
    return result
  }
}
