package import GPTTensor

/// What the `tokenizer.ggml.…` fields of a GGUF file say, as plain values.
///
/// - Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
package struct GGUFVocabulary: Sendable {
  /// `tokenizer.ggml.model`: "llama" (SentencePiece) or "gpt2" (byte-level BPE).
  package var model: String
  /// `tokenizer.ggml.pre`: the pre-tokeniser of byte-level BPE.
  package var pre: String?
  package var tokens: ByteStrings
  package var scores: [Float] = []
  /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
  package var types: [Int32] = []
  /// Lines of two texts with a space between.
  package var merges = ByteStrings()
  package var beginningOfSequence: Int?
  package var endOfSequence: Int?
  package var unknown: Int?
  /// `tokenizer.ggml.add_bos_token`, `…add_eos_token`, `…add_space_prefix`.
  package var addsBeginning: Bool?
  package var addsEnd: Bool?
  package var addsSpacePrefix: Bool?
  package var removesExtraSpaces: Bool?
  /// The name that errors give to the file.
  package var location: String

  package init(model: String, tokens: ByteStrings, location: String) {
    self.model = model
    self.tokens = tokens
    self.location = location
  }

  func failure(_ field: String, _ found: String, _ expected: String) -> TokenizerError {
    .invalid(location: "\(location): tokenizer.ggml.\(field)", found: found, expected: expected)
  }

  /// Checks what every kind of vocabulary has in common.
  func check() throws(TokenizerError) {
    guard !tokens.isEmpty else { throw failure("tokens", "no tokens", "a vocabulary") }
    guard tokens.count <= SentencePieceModelFile.Limits.pieces else {
      throw failure(
        "tokens", "\(tokens.count) tokens", "at most \(SentencePieceModelFile.Limits.pieces)")
    }
    for (name, count) in [("scores", scores.count), ("token_type", types.count)] {
      guard count == 0 || count == tokens.count else {
        throw failure(name, "\(count) values", "\(tokens.count), one a token")
      }
    }
    if let type = types.first(where: { !(0...6).contains($0) }) {
      throw failure("token_type", "type \(type)", "0 to 6")
    }
    let ids = [
      ("bos_token_id", beginningOfSequence), ("eos_token_id", endOfSequence),
      ("unknown_token_id", unknown),
    ]
    for (name, id) in ids {
      guard let id, !tokens.indices.contains(id) else { continue }
      throw failure(name, "\(id)", "an id below \(tokens.count)")
    }
  }
}

/// The tokenizer of a GGUF file.
package func makeTokenizer(_ vocabulary: GGUFVocabulary) throws(TokenizerError) -> any Tokenizer {
  try vocabulary.check()
  switch vocabulary.model {
  case "llama": return try SentencePieceTokenizer(vocabulary)
  case "gpt2": return try ByteLevelTokenizer(BytePairVocabulary(vocabulary))
  default:
    throw .unsupported(
      location: "\(vocabulary.location): tokenizer.ggml.model",
      feature: quotedForMessage(vocabulary.model), expected: "'llama' or 'gpt2'")
  }
}
