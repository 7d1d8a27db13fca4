/// Turns ids into text as they come, never handing out half a character.
///
/// Bytes that begin a character are held back until it is complete; bytes that can no longer
/// become a character are U+FFFD, one for each maximal subpart (Unicode 16, §3.9, table 3-8).
public struct IncrementalDecoder: Sendable {
  private let tokenizer: any Tokenizer
  private let includesSpecialTokens: Bool
  private var pending: [UInt8] = []

  public init(tokenizer: any Tokenizer, includeSpecialTokens: Bool = false) {
    self.tokenizer = tokenizer
    includesSpecialTokens = includeSpecialTokens
  }

  /// The text that `id` completes, often empty in the midst of a character.
  public mutating func append(_ id: Int32) -> String {
    pending += tokenizer.bytes(of: id, includeSpecialTokens: includesSpecialTokens)
    let complete = pending.count - Self.unfinishedSuffix(of: pending)
    guard complete > 0 else { return "" }
    defer { pending.removeFirst(complete) }
    return String(decoding: pending[..<complete], as: UTF8.self)
  }

  /// What is still held back: U+FFFD when the ids end inside a character.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// Number of bytes at the end that are a proper beginning of a character.
  private static func unfinishedSuffix(of bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let first = bytes[bytes.count - count]
      if first & 0xc0 == 0x80 { continue }
      let length = first >= 0xf5 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1
      guard length > count else { return 0 }
      return count > 1 && !isSecondByte(bytes[bytes.count - count + 1], after: first) ? 0 : count
    }
    return 0
  }

  /// False for second bytes that would make an overlong form, a surrogate or a value too large.
  private static func isSecondByte(_ byte: UInt8, after first: UInt8) -> Bool {
    switch first {
    case 0xe0: byte >= 0xa0
    case 0xed: byte < 0xa0
    case 0xf0: byte >= 0x90
    case 0xf4: byte < 0x90
    default: true
    }
  }
}
