/// Maps text to token ids and back.
///
/// Implementations are immutable after `init` and safe to use from many threads at once.
public protocol Tokenizer: Sendable {
  /// Number of ids; valid ids are `0..<vocabularySize`.
  var vocabularySize: Int { get }

  /// A short description for `gpt info`: "SentencePiece BPE", "byte-level BPE (llama-bpe)".
  var summary: String { get }

  /// Id put before a text, nil when the tokenizer has none.
  var beginningOfSequence: Int32? { get }

  /// Id that ends a text, nil when the tokenizer has none.
  var endOfSequence: Int32? { get }

  /// Ids of `text`.
  ///
  /// - Parameters:
  ///   - addSpecialTokens: add what the model's file says is to be added (beginning of sequence…).
  ///   - parseSpecialTokens: recognise the text of control tokens such as `<|im_start|>`; false
  ///     treats them as plain characters, which is right for text from outside.
  func encode(_ text: String, addSpecialTokens: Bool, parseSpecialTokens: Bool)
    throws(TokenizerError) -> [Int32]

  /// The bytes that `id` adds to a text after other tokens; empty for control tokens when
  /// `includeSpecialTokens` is false, and for ids out of range.
  func bytes(of id: Int32, includeSpecialTokens: Bool) -> [UInt8]

  /// Text of `ids`; bytes that are not UTF-8 become U+FFFD.
  func decode(_ ids: [Int32], includeSpecialTokens: Bool) -> String

  /// The token as it stands in the vocabulary, nil for ids out of range.
  func piece(of id: Int32) -> String?

  /// The id of a vocabulary entry, nil when there is none.
  func id(ofPiece piece: String) -> Int32?

  /// True for control tokens, which `decode` leaves out unless asked.
  func isSpecial(_ id: Int32) -> Bool
}
