internal import GPTTokenizer

extension LanguageModel {
  /// The model's tokenizer.
  public var textTokenizer: TextTokenizer { TextTokenizer(tokenizer) }

  /// The ids of `text`; see `TextTokenizer.encode`.
  public func encode(
    _ text: String, addSpecialTokens: Bool = true, parseSpecialTokens: Bool = false
  ) throws(LanguageModelError) -> [Int32] {
    try textTokenizer.encode(
      text, addSpecialTokens: addSpecialTokens, parseSpecialTokens: parseSpecialTokens)
  }

  /// The ids of a text that goes on after `tokens`: no special tokens, and behind text none of the
  /// space that SentencePiece vocabularies put before a text.
  public func encode(
    _ text: String, after tokens: [Int32]
  ) throws(LanguageModelError) -> [Int32] {
    func plain(_ text: String) throws(TokenizerError) -> [Int32] {
      try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
    }
    do {
      guard let last = tokens.last, !tokenizer.isSpecial(last) else { return try plain(text) }
      return try ContinuedText(tokenizer).encode(text, with: plain)
    } catch {
      throw .tokenizer(error.description)
    }
  }

  /// The text of `ids`; see `TextTokenizer.decode`.
  public func decode(
    _ ids: [Int32], includeSpecialTokens: Bool = false
  ) throws(LanguageModelError) -> String {
    try textTokenizer.decode(ids, includeSpecialTokens: includeSpecialTokens)
  }

  /// The token as it stands in the vocabulary, nil for ids that it does not have.
  public func piece(of id: Int32) -> String? { textTokenizer.piece(of: id) }

  /// The id of a vocabulary entry, nil when there is none.
  public func id(ofPiece piece: String) -> Int32? { textTokenizer.id(ofPiece: piece) }

  func check(_ ids: [Int32], below size: Int) throws(LanguageModelError) {
    for id in ids where id < 0 || Int(id) >= size {
      throw .invalidToken(id: Int(id), vocabularySize: size)
    }
  }
}
