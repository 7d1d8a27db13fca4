extension BytePairVocabulary {
  /// The vocabulary that a GGUF file embeds (`tokenizer.ggml.model` = `gpt2`).
  init(_ file: GGUFVocabulary) throws(TokenizerError) {
    guard let preTokenizer = PreTokenizer(ggufName: file.pre) else {
      throw .unsupported(
        location: "\(file.location): tokenizer.ggml.pre",
        feature: quotedForMessage(file.pre ?? ""),
        expected: PreTokenizer.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.init(location: "\(file.location): tokenizer.ggml.tokens")
    mergesLocation = "\(file.location): tokenizer.ggml.merges"
    self.preTokenizer = preTokenizer
    preTokenizerName = file.pre ?? "gpt-2"
    ignoresMerges = preTokenizer == .llama3 || preTokenizer == .tekken
    addsPrefixSpace = file.addsSpacePrefix ?? false
    try Self.insertTokens(of: file, into: &self)
    merges = try Self.merges(of: file)
    // The unknown token of the metadata is never the result of an encoding: bytes that the
    // vocabulary lacks are dropped, by PyPI `tokenizers` and by llama.cpp.
    beginning = file.beginningOfSequence.map(Int32.init(truncatingIfNeeded:))
    end = file.endOfSequence.map(Int32.init(truncatingIfNeeded:))
    // Llama 3's files were written before add_bos_token was; llama.cpp adds it for this name.
    let addsBeginning = file.addsBeginning ?? (preTokenizer == .llama3)
    if addsBeginning, let id = beginning { prefix = [id] }
    if file.addsEnd ?? false, let id = end { suffix = [id] }
  }

  private static func insertTokens(
    of file: GGUFVocabulary, into vocabulary: inout BytePairVocabulary
  ) throws(TokenizerError) {
    for (id, token) in file.tokens.enumerated() {
      guard let text = String(validating: token, as: UTF8.self) else {
        throw file.failure("tokens[\(id)]", quotedForMessage(token), "UTF-8")
      }
      let type = file.types.isEmpty ? 1 : file.types[id]
      let kind: BytePairVocabulary.Kind =
        switch type {
        case 3: .control
        case 4: .userDefined
        default: .normal
        }
      try vocabulary.insert(id: id, text: text, kind: kind)
      if kind != .normal { vocabulary.recognise(AddedToken(id: Int32(id), text: token)) }
    }
  }

  private static func merges(
    of file: GGUFVocabulary
  ) throws(TokenizerError) -> [(left: Substring, right: Substring)] {
    var merges: [(left: Substring, right: Substring)] = []
    merges.reserveCapacity(file.merges.count)
    for (rank, line) in file.merges.enumerated() {
      guard let pair = ByteLevelTokenizer.mergePair(line[...]) else {
        throw file.failure(
          "merges[\(rank)]", quotedForMessage(line), "two tokens with a space between")
      }
      merges.append(pair)
    }
    return merges
  }

}

extension ByteLevelTokenizer {
  /// The two parts of a line of merges, nil when it has not exactly one space between two texts.
  static func mergePair(_ line: Substring) -> (left: Substring, right: Substring)? {
    guard let space = line.utf8.firstIndex(of: 0x20) else { return nil }
    let right = line[line.utf8.index(after: space)...]
    let left = line[..<space]
    guard !left.isEmpty, !right.isEmpty, !right.utf8.contains(0x20) else { return nil }
    return (left, right)
  }
}
