internal import GPTTokenizer

/// Encodes texts so that a border between what is given and what is to be said is one of tokens.
struct TextEncoder {
  let tokenizer: any Tokenizer
  /// What the tokenizer puts before every text.
  let beginning: [Int32]
  private let continued: ContinuedText

  init(_ tokenizer: any Tokenizer) throws(TokenizerError) {
    self.tokenizer = tokenizer
    let added = try tokenizer.encode("", addSpecialTokens: true, parseSpecialTokens: false)
    beginning = added.first.flatMap { $0 == tokenizer.beginningOfSequence ? [$0] : nil } ?? []
    continued = try ContinuedText(tokenizer)
  }

  /// Ids of a text without what begins and ends it.
  ///
  /// - Parameter continues: it goes on after another
  func encode(_ text: String, continues: Bool = false) throws(TokenizerError) -> [Int32] {
    let bytes = Array(text.utf8)
    let ranges = bytes.withUnsafeBytes {
      TextChunks.ranges(of: $0, byteLimit: TextChunks.largeBytes)
    }
    var ids: [Int32] = []
    for range in ranges {
      let chunk = String(decoding: bytes[range], as: UTF8.self)
      let goesOn = continues || range.lowerBound > 0
      ids += goesOn ? try continuing(chunk, encode: plain) : try plain(chunk)
    }
    return ids
  }

  private func plain(_ text: String) throws(TokenizerError) -> [Int32] {
    try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
  }

  /// `encode(text)` of a text that goes on after another.
  func continuing(
    _ text: String, encode: (String) throws(TokenizerError) -> [Int32]
  ) throws(TokenizerError) -> [Int32] {
    try continued.encode(text, with: encode)
  }
}
