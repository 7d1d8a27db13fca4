internal import GPTJSON
internal import GPTTensor

extension GGUFVocabulary {
  /// The score that llama.cpp's converter gives to tokens that no merge makes.
  private static let unreachableScore: Float = -1000

  /// The tokenizer of a model folder as the fields of a GGUF file.
  ///
  /// - Parameter size: rows of the embedding: further tokens that nothing encodes fill the list up,
  ///   as llama.cpp wants one for each row.
  /// - Throws: when GGUF has no fields for what the tokenizer does: SentencePiece unigram models,
  ///   normalisation tables, texts that are not cut into words.
  package init(folder: String, size: Int) throws(TokenizerError) {
    let configuration = try JSONFile.ifPresent(folder + "/tokenizer_config.json")
    if RegularFile.exists(folder + "/tokenizer.model") {
      try self.init(sentencePiece: folder, configuration)
    } else if let file = try JSONFile.ifPresent(folder + "/tokenizer.json") {
      let vocabulary = try TokenizerJSON(file).vocabulary(
        beginning: configuration?.tokenText("bos_token"),
        end: configuration?.tokenText("eos_token"))
      self = try vocabulary.ggufVocabulary()
    } else {
      self = try VocabularyFiles.vocabulary(
        vocabularyPath: folder + "/vocab.json", mergesPath: folder + "/merges.txt",
        configuration: configuration
      ).ggufVocabulary()
    }
    guard tokens.count <= size else {
      throw .invalid(
        location: folder, found: "\(tokens.count) tokens",
        expected: "at most \(size), the rows of the model's embedding")
    }
    for id in tokens.count..<size { appendPadding(id) }
  }

  private init(sentencePiece folder: String, _ configuration: JSONFile?) throws(TokenizerError) {
    let path = folder + "/tokenizer.model"
    let file = try SentencePieceModelFile(RegularFile.bytes(of: path), location: path)
    guard file.algorithm == .bpe, file.unusualNormalisation == nil else {
      throw .unsupported(
        location: path,
        feature: file.unusualNormalisation ?? "a \(file.algorithm.name) model",
        expected: "BPE without normalisation, the only SentencePiece model of a GGUF file here")
    }
    let tokenizer = try sentencePieceTokenizer(path, configuration)
    self.init(model: "llama", tokens: ByteStrings(file.pieces.lazy.map(\.bytes)), location: path)
    pre = "default"
    scores = file.pieces.map(\.score)
    types = file.pieces.map(\.type.rawValue)
    unknown = file.pieces.firstIndex { $0.type == .unknown }
    beginningOfSequence = tokenizer.beginningOfSequence.map(Int.init)
    endOfSequence = tokenizer.endOfSequence.map(Int.init)
    addsBeginning = tokenizer.addsBeginning
    addsEnd = tokenizer.addsEnd
    addsSpacePrefix = file.addsDummyPrefix
    removesExtraSpaces = file.removesExtraSpaces
    try appendAddedTokens(configuration)
  }

  /// Tokens that the folder adds behind the model's pieces.
  private mutating func appendAddedTokens(_ configuration: JSONFile?) throws(TokenizerError) {
    let members = configuration?.value["added_tokens_decoder"]?.object?.members ?? []
    let added = members.compactMap { key, value -> (id: Int, text: String, isSpecial: Bool)? in
      guard let id = Int(key), let text = value["content"]?.string, !text.isEmpty else {
        return nil
      }
      return (id, text, value["special"]?.boolean ?? false)
    }
    for token in added.sorted(by: { $0.id < $1.id }) where token.id >= tokens.count {
      guard token.id < BytePairVocabulary.idLimit else {
        throw .invalid(
          location: location, found: "an added token with id \(token.id)",
          expected: "at most \(BytePairVocabulary.idLimit - 1)")
      }
      for id in tokens.count..<token.id { appendPadding(id) }
      tokens.append(Array(token.text.utf8))
      types.append(token.isSpecial ? 3 : 4)
      scores.append(Self.unreachableScore)
    }
  }

  private mutating func appendPadding(_ id: Int) {
    tokens.append(Self.padding(id))
    types.append(5)
    if model == "llama" { scores.append(Self.unreachableScore) }
  }

  /// The text of a token that fills an id that has none; llama.cpp's converter writes the same.
  static func padding(_ id: Int) -> [UInt8] { Array("[PAD\(id)]".utf8) }

  /// The vocabulary without the tokens at its end that only fill it up.
  func withoutPadding() -> GGUFVocabulary {
    var result = self
    while let last = result.tokens.indices.last, result.types.last == 5,
      result.tokens[last].elementsEqual(Self.padding(last))
    {
      result.tokens.removeLast()
      result.types.removeLast()
      if !result.scores.isEmpty { result.scores.removeLast() }
    }
    return result
  }
}
