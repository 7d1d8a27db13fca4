internal import GPTTensor

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
    if !file.tokens.areUTF8,
      let id = file.tokens.firstIndex(where: { String(validating: $0, as: UTF8.self) == nil })
    {
      throw file.failure("tokens[\(id)]", quotedForMessage(Array(file.tokens[id])), "UTF-8")
    }
    let kinds = (0..<file.tokens.count).map { id -> BytePairVocabulary.Kind in
      switch file.types.isEmpty ? 1 : file.types[id] {
      case 3: .control
      case 4: .userDefined
      default: .normal
      }
    }
    vocabulary.insertAll(file.tokens, kinds: kinds)
    for (id, kind) in kinds.enumerated() where kind != .normal {
      vocabulary.recognise(AddedToken(id: Int32(id), text: Array(file.tokens[id])))
    }
  }

  private static func merges(of file: GGUFVocabulary) throws(TokenizerError) -> MergeList {
    var merges = MergeList()
    merges.reserveCapacity(file.merges.count, byteCount: file.merges.bytes.count)
    let wrong = file.merges.withUnsafeStrings { lines -> Int? in
      for rank in 0..<lines.count {
        guard let pair = MergeList.parts(of: lines[rank]) else { return rank }
        merges.append(
          left: UnsafeRawBufferPointer(rebasing: pair.left),
          right: UnsafeRawBufferPointer(rebasing: pair.right))
      }
      return nil
    }
    guard let rank = wrong else { return merges }
    throw file.failure(
      "merges[\(rank)]", quotedForMessage(Array(file.merges[rank])),
      "two tokens with a space between")
  }
}
