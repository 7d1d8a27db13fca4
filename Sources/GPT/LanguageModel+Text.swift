internal import GPTTokenizer

extension LanguageModel {
  /// The ids of `text`.
  ///
  /// - Parameters:
  ///   - addSpecialTokens: add what the model's files ask for (beginning of sequence…)
  ///   - parseSpecialTokens: recognise the text of control tokens; right only for text one trusts
  public func encode(
    _ text: String, addSpecialTokens: Bool = true, parseSpecialTokens: Bool = false
  ) throws(LanguageModelError) -> [Int32] {
    do {
      return try tokenizer.encode(
        text, addSpecialTokens: addSpecialTokens, parseSpecialTokens: parseSpecialTokens)
    } catch {
      throw .tokenizer(error.description)
    }
  }

  /// The text of `ids`; bytes that are not UTF-8 become U+FFFD.
  public func decode(
    _ ids: [Int32], includeSpecialTokens: Bool = false
  ) throws(LanguageModelError) -> String {
    try check(ids, below: tokenizer.vocabularySize)
    return tokenizer.decode(ids, includeSpecialTokens: includeSpecialTokens)
  }

  /// The token as it stands in the vocabulary, nil for ids that it does not have.
  public func piece(of id: Int32) -> String? { tokenizer.piece(of: id) }

  /// The id of a vocabulary entry, nil when there is none.
  public func id(ofPiece piece: String) -> Int32? { tokenizer.id(ofPiece: piece) }

  func check(_ ids: [Int32], below size: Int) throws(LanguageModelError) {
    for id in ids where id < 0 || Int(id) >= size {
      throw .invalidToken(id: Int(id), vocabularySize: size)
    }
  }
}
