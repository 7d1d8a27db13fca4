/// Encodes texts that go on after others, so that the border between the two is one of tokens.
///
/// SentencePiece vocabularies take every text for one that begins with a space.
package struct ContinuedText: Sendable {
  private let addsSpace: Bool

  package init(_ tokenizer: any Tokenizer) throws(TokenizerError) {
    let letter = try tokenizer.encode("a", addSpecialTokens: false, parseSpecialTokens: false)
    let bytes = letter.flatMap { tokenizer.bytes(of: $0, includeSpecialTokens: true) }
    addsSpace = bytes == [0x20, UInt8(ascii: "a")]
  }

  /// `encode(text)` without the space that the vocabulary would put before it.
  ///
  /// Behind a line feed none is put. Where line feeds merge with what follows, the text is encoded
  /// as it is.
  package func encode(
    _ text: String, with encode: (String) throws(TokenizerError) -> [Int32]
  ) throws(TokenizerError) -> [Int32] {
    guard addsSpace else { return try encode(text) }
    let head = try encode("\n")
    let whole = try encode("\n" + text)
    return whole.starts(with: head) ? Array(whole.dropFirst(head.count)) : try encode(text)
  }
}
