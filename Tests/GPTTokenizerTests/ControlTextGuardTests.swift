import GPTTokenizer
import Testing

/// Bytes, and id 300 for the text "<|end|>" when control tokens are asked for.
private struct ControlTokenizer: Tokenizer {
  static let control = "<|end|>"
  var vocabularySize: Int { 301 }
  var summary: String { "bytes" }
  var beginningOfSequence: Int32? { nil }
  var endOfSequence: Int32? { 300 }

  func encode(_ text: String, addSpecialTokens: Bool, parseSpecialTokens: Bool)
    throws(TokenizerError) -> [Int32]
  {
    var ids: [Int32] = []
    let parts =
      parseSpecialTokens
      ? text.split(separator: Self.control, omittingEmptySubsequences: false) : [text[...]]
    for (index, part) in parts.enumerated() {
      if index > 0 { ids.append(300) }
      ids += part.utf8.map { Int32($0) }
    }
    return ids
  }

  func bytes(of id: Int32, includeSpecialTokens: Bool) -> [UInt8] { [] }
  func decode(_ ids: [Int32], includeSpecialTokens: Bool) -> String { "" }
  func piece(of id: Int32) -> String? { id == 300 ? Self.control : nil }
  func id(ofPiece piece: String) -> Int32? { nil }
  func isSpecial(_ id: Int32) -> Bool { id == 300 }
}

struct ControlTextGuardTests {
  @Test(arguments: [
    "plain", "<|end|>", "a<|end|>b", "<|end|><|end|>", "<<|end|>|end|>", "<|en<|end|>d|>",
    "§<|end|>", "<§|end|>", "<|end§|>", "é🙂<|end|>", "<|end|>\u{301}",
  ])
  func whatAMessageSaysNeverBecomesAControlToken(text: String) throws {
    // Swift's source has no literal for the guard's own mark.
    let mark = String(decoding: [0xef, 0xb7, 0x90] as [UInt8], as: UTF8.self)
    let content = text.replacing("§", with: mark)
    let tokenizer = ControlTokenizer()
    let shield = ControlTextGuard(tokenizer)
    let rendered = "user: \(shield.shielded(content))<|end|>"
    let ids = try shield.encode(rendered, with: tokenizer)
    #expect(ids.filter { $0 == 300 }.count == 1)
    let words = "user: " + text.replacing("§", with: "")
    #expect(ids == words.utf8.map { Int32($0) } + [300])
  }
}
