/// Turns ids into text as they come, never handing out half a character.
///
/// Bytes that can no longer become UTF-8 are replaced by U+FFFD as soon as that is certain.
public struct IncrementalDecoder: Sendable {
  private let tokenizer: any Tokenizer
  private let includeSpecialTokens: Bool
  private var pending: [UInt8] = []

  public init(tokenizer: any Tokenizer, includeSpecialTokens: Bool) {
    self.tokenizer = tokenizer
    self.includeSpecialTokens = includeSpecialTokens
  }

  /// The text that `id` completes; empty while a character is unfinished.
  public mutating func append(_ id: Int32) -> String {
    pending += tokenizer.bytes(of: id, includeSpecialTokens: includeSpecialTokens)
    let ready = pending.count - unfinishedLength
    let text = String(decoding: pending[..<ready], as: UTF8.self)
    pending.removeFirst(ready)
    return text
  }

  /// What is left when no more ids come: an unfinished character becomes U+FFFD.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// Bytes at the end that begin a character which further bytes may complete.
  private var unfinishedLength: Int {
    for length in 1...3 where length <= pending.count {
      let byte = pending[pending.count - length]
      if byte & 0xc0 == 0x80 { continue }
      let expected = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
      guard length < expected else { return 0 }
      // Overlong forms, surrogates and values past U+10FFFF are lost already.
      let isPossible = couldBecomeScalar(pending.suffix(length))
      return isPossible ? length : 0
    }
    return 0
  }

  private func couldBecomeScalar(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first else { return false }
    if first < 0xc2 || first > 0xf4 { return false }
    guard bytes.count > 1 else { return true }
    let second = bytes[bytes.startIndex + 1]
    return switch first {
    case 0xe0: second >= 0xa0
    case 0xed: second < 0xa0
    case 0xf0: second >= 0x90
    case 0xf4: second < 0x90
    default: true
    }
  }
}
