internal import GPTModel
internal import GPTTokenizer

/// Maps text to token ids and back; a model's tokenizer without its weights.
public struct TextTokenizer: Sendable {
  private let tokenizer: any Tokenizer

  init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

  /// Opens the tokenizer of a model's folder or .gguf file, or a SentencePiece .model file.
  ///
  /// - Throws: `LanguageModelError.invalidModel`, naming file and field.
  public init(at path: String) throws(LanguageModelError) {
    tokenizer = try translatingModelErrors { () throws(ModelError) in
      try openTokenizer(path: path)
    }
  }

  /// Number of ids; valid ids are `0..<vocabularySize`.
  public var vocabularySize: Int { tokenizer.vocabularySize }

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
  ///
  /// - Throws: `LanguageModelError.invalidToken` for an id out of range.
  public func decode(
    _ ids: [Int32], includeSpecialTokens: Bool = false
  ) throws(LanguageModelError) -> String {
    for id in ids where id < 0 || Int(id) >= vocabularySize {
      throw .invalidToken(id: Int(id), vocabularySize: vocabularySize)
    }
    return tokenizer.decode(ids, includeSpecialTokens: includeSpecialTokens)
  }

  /// The token as it stands in the vocabulary, nil for ids that it does not have.
  public func piece(of id: Int32) -> String? { tokenizer.piece(of: id) }

  /// The id of a vocabulary entry, nil when there is none.
  public func id(ofPiece piece: String) -> Int32? { tokenizer.id(ofPiece: piece) }
}
