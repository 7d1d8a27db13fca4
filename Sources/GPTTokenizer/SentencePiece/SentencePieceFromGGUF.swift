internal import GPTTensor

extension SentencePieceTokenizer {
  /// The vocabulary that a GGUF file embeds (`tokenizer.ggml.model` = `llama`).
  ///
  /// The file keeps pieces, scores and types but not the model file they came from, so a ModelProto
  /// is written anew: BPE, the identity normaliser, byte fallback when byte pieces are there.
  init(_ vocabulary: GGUFVocabulary) throws(TokenizerError) {
    guard vocabulary.scores.count == vocabulary.tokens.count else {
      throw vocabulary.failure("scores", "none", "one a token")
    }
    try self.init(
      modelBytes: Self.modelProto(vocabulary),
      location: "\(vocabulary.location): tokenizer.ggml.tokens")
    setEnds(
      beginning: vocabulary.beginningOfSequence.map(Int32.init(truncatingIfNeeded:)),
      end: vocabulary.endOfSequence.map(Int32.init(truncatingIfNeeded:)))
    addsBeginning = vocabulary.addsBeginning ?? true
    addsEnd = vocabulary.addsEnd ?? false
  }

  static func modelProto(_ vocabulary: GGUFVocabulary) -> [UInt8] {
    var model = WireWriter()
    let types = Self.types(vocabulary)
    for (index, token) in vocabulary.tokens.enumerated() {
      var piece = WireWriter()
      piece.bytes(1, Array(token))
      piece.float(2, vocabulary.scores[index])
      piece.varint(3, UInt64(types[index].rawValue))
      model.bytes(1, piece.bytes)
    }
    var trainer = WireWriter()
    trainer.varint(3, SentencePieceModelFile.Algorithm.bpe.rawValue)
    trainer.varint(4, UInt64(vocabulary.tokens.count))
    trainer.boolean(35, types.contains(.byte))
    addEnds(vocabulary, types, to: &trainer)
    model.bytes(2, trainer.bytes)
    var normalizer = WireWriter()
    normalizer.bytes(1, Array("identity".utf8))
    normalizer.boolean(3, vocabulary.addsSpacePrefix ?? true)
    normalizer.boolean(4, vocabulary.removesExtraSpaces ?? false)
    normalizer.boolean(5, true)
    model.bytes(3, normalizer.bytes)
    return model.bytes
  }

  /// Ids and texts of the special tokens; an id of −1 says that there is none.
  private static func addEnds(
    _ vocabulary: GGUFVocabulary, _ types: [SentencePieceModelFile.PieceType],
    to trainer: inout WireWriter
  ) {
    let unknown = types.firstIndex(of: .unknown)
    let ends = [unknown, vocabulary.beginningOfSequence, vocabulary.endOfSequence, nil]
    for (index, id) in ends.enumerated() {
      trainer.varint(40 + index, UInt64(bitPattern: Int64(id ?? -1)))
    }
    for (index, id) in ends.enumerated() {
      if let id { trainer.bytes(45 + index, Array(vocabulary.tokens[id])) }
    }
  }

  /// The types of the file, with the unknown token made sure: some files mark it as control.
  private static func types(_ vocabulary: GGUFVocabulary) -> [SentencePieceModelFile.PieceType] {
    var types = vocabulary.types.map { SentencePieceModelFile.PieceType(rawValue: $0) ?? .normal }
    if types.isEmpty { types = Array(repeating: .normal, count: vocabulary.tokens.count) }
    if !types.contains(.unknown) {
      let unknown = vocabulary.unknown ?? 0
      types[unknown] = .unknown
    }
    return types
  }
}
