import GPTTensor

/// Builds the tokenizer that a GGUF file embeds.
package func makeTokenizer(_ vocabulary: GGUFVocabulary) throws(TokenizerError) -> any Tokenizer {
  switch vocabulary.model {
  case "llama": return try SentencePieceTokenizer(vocabulary: vocabulary)
  case "gpt2": return try ByteLevelTokenizer(ByteLevelVocabulary(vocabulary))
  default:
    throw .invalid(
      location: "\(vocabulary.location): tokenizer.ggml.model",
      found: messageText(vocabulary.model), expected: "gpt2 or llama")
  }
}

/// Token types of a GGUF vocabulary that byte-level BPE distinguishes (GGUF specification).
private enum GGUFTokenType {
  static let control = 3
  static let userDefined = 4
}

extension ByteLevelVocabulary {
  init(_ source: GGUFVocabulary) throws(TokenizerError) {
    self.init(
      vocabularyLocation: "\(source.location): tokenizer.ggml.tokens",
      mergesLocation: "\(source.location): tokenizer.ggml.merges")
    try read(tokens: source)
    let name = source.pre ?? "default"
    guard let preTokeniser = PreTokeniser.named(name) else {
      throw .invalid(
        location: "\(source.location): tokenizer.ggml.pre", found: messageText(name),
        expected: "one of \(PreTokeniser.supportedNames)")
    }
    self.preTokeniser = preTokeniser
    preTokeniserName = name
    let isLlama3 = preTokeniser.pattern == .llama3(maximumDigits: 3)
    ignoresMerges = isLlama3
    beginningOfSequence = try identifier(source.beginningOfSequence, "bos", source)
    endOfSequence = try identifier(source.endOfSequence, "eos", source)
    unknown = try identifier(source.unknown, "unknown", source)
    if source.addBeginningOfSequence ?? isLlama3, let id = beginningOfSequence { prefix = [id] }
    if source.addEndOfSequence ?? false, let id = endOfSequence { suffix = [id] }
  }

  private mutating func read(tokens source: GGUFVocabulary) throws(TokenizerError) {
    guard source.tokens.count <= ByteLevelVocabulary.maximumSize else {
      throw .invalid(
        location: vocabularyLocation, found: "\(source.tokens.count) tokens",
        expected: "at most \(ByteLevelVocabulary.maximumSize)")
    }
    if let types = source.types, types.count != source.tokens.count {
      throw .invalid(
        location: "\(source.location): tokenizer.ggml.token_type", found: "\(types.count) types",
        expected: "\(source.tokens.count), one a token")
    }
    for (id, bytes) in source.tokens.enumerated() {
      let piece = String(decoding: bytes, as: UTF8.self)
      pieces.append(piece)
      let type = source.types?[id] ?? 1
      if type == GGUFTokenType.control || type == GGUFTokenType.userDefined {
        added.append(
          AddedToken(
            id: Int32(id), content: piece, isSpecial: type == GGUFTokenType.control))
      }
    }
    guard let merges = source.merges else {
      throw .invalid(location: mergesLocation, found: "missing", expected: "a list of merges")
    }
    for (index, bytes) in merges.enumerated() {
      self.merges.append(
        try ByteLevelVocabulary.split(
          merge: String(decoding: bytes, as: UTF8.self), number: index + 1,
          location: mergesLocation))
    }
  }

  private func identifier(_ value: Int?, _ name: String, _ source: GGUFVocabulary)
    throws(TokenizerError) -> Int32?
  {
    guard let value else { return nil }
    guard value >= 0, value < pieces.count else {
      throw .invalid(
        location: "\(source.location): tokenizer.ggml.\(name)_token_id", found: "\(value)",
        expected: "0..<\(pieces.count)")
    }
    return Int32(value)
  }

  /// The two tokens of "left right".
  static func split(merge: String, number: Int, location: String) throws(TokenizerError)
    -> (left: String, right: String)
  {
    let parts = merge.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
      throw .invalid(
        location: location, found: "merge \(number) is \(messageText(merge))",
        expected: "two tokens with a space between")
    }
    return (String(parts[0]), String(parts[1]))
  }
}
