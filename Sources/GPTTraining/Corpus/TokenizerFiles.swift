internal import GPTJSON
internal import GPTTokenizer

/// The tokenizer files of a model folder, for vocabularies that are made here.
///
/// `tokenizer.model` is what our loader takes first; `tokenizer.json` says the same for readers
/// without SentencePiece, such as Hugging Face's `tokenizers`.
enum TokenizerFiles {
  typealias File = (name: String, contents: [UInt8])

  static func sentencePiece(
    _ model: [UInt8], algorithm: PreparationOptions.Algorithm
  ) throws(TrainingError) -> [File] {
    let pieces: [SentencePieceModelFile.Piece]
    do {
      pieces = try SentencePieceModelFile(model, location: "tokenizer.model").pieces
    } catch { throw .tokenizer(error) }
    return [
      ("tokenizer.model", model),
      ("tokenizer.json", bytes(tokenizerJSON(pieces, algorithm))),
      ("tokenizer_config.json", bytes(configuration(beginning: "<s>", end: "</s>", "<unk>"))),
    ]
  }

  static func byteLevel(_ tokenizer: JSONValue) -> [File] {
    let end = ByteLevelVocabulary.endOfDocument
    return [
      ("tokenizer.json", bytes(tokenizer)),
      ("tokenizer_config.json", bytes(configuration(beginning: nil, end: end, nil))),
    ]
  }

  private static func bytes(_ value: JSONValue) -> [UInt8] { Array((value.encoded() + "\n").utf8) }

  /// `add_bos_token` and `legacy` are read by our loader and by other classes of `transformers`.
  private static func configuration(
    beginning: String?, end: String, _ unknown: String?
  ) -> JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return .object(
      JSONObject([
        ("tokenizer_class", .string("PreTrainedTokenizerFast")), ("legacy", .boolean(false)),
        ("add_bos_token", .boolean(false)), ("add_eos_token", .boolean(false)),
        ("add_prefix_space", .boolean(false)), ("bos_token", text(beginning)),
        ("eos_token", .string(end)), ("unk_token", text(unknown)),
        ("clean_up_tokenization_spaces", .boolean(false)),
      ]))
  }

  /// - Parameter addedTokens: id, text, and whether decoding leaves it out
  static func tokenizerJSON(
    addedTokens: [(id: Int, text: String, isSpecial: Bool)], normalizer: JSONValue,
    preTokenizer: JSONValue, decoder: JSONValue, model: JSONValue
  ) -> JSONValue {
    let tokens = addedTokens.map { token in
      JSONValue.object(
        JSONObject([
          ("id", .integer(token.id)), ("content", .string(token.text)),
          ("single_word", .boolean(false)), ("lstrip", .boolean(false)),
          ("rstrip", .boolean(false)), ("normalized", .boolean(false)),
          ("special", .boolean(token.isSpecial)),
        ]))
    }
    return .object(
      JSONObject([
        ("version", .string("1.0")), ("truncation", .null), ("padding", .null),
        ("added_tokens", .array(tokens)), ("normalizer", normalizer),
        ("pre_tokenizer", preTokenizer), ("post_processor", .null), ("decoder", decoder),
        ("model", model),
      ]))
  }

  /// The library's identity normaliser writes spaces as U+2581; nothing else changes a text.
  private static func tokenizerJSON(
    _ pieces: [SentencePieceModelFile.Piece], _ algorithm: PreparationOptions.Algorithm
  ) -> JSONValue {
    let space = "\u{2581}"
    func step(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }
    func replacement(_ pattern: String, _ content: String) -> JSONValue {
      step([
        ("type", .string("Replace")), ("pattern", step([("String", .string(pattern))])),
        ("content", .string(content)),
      ])
    }
    let decoder = step([
      ("type", .string("Sequence")),
      (
        "decoders",
        .array([
          replacement(space, " "), step([("type", .string("ByteFallback"))]),
          step([("type", .string("Fuse"))]),
        ])
      ),
    ])
    let added = pieces.enumerated().compactMap { id, piece in
      let isSpecial = piece.type == .control || piece.type == .unknown
      return isSpecial || piece.type == .userDefined ? (id, text(piece), isSpecial) : nil
    }
    return tokenizerJSON(
      addedTokens: added, normalizer: replacement(" ", space), preTokenizer: .null,
      decoder: decoder, model: algorithm == .bpe ? pairModel(pieces) : unigramModel(pieces))
  }

  private static func text(_ piece: SentencePieceModelFile.Piece) -> String {
    String(decoding: piece.bytes, as: UTF8.self)
  }

  private static func unigramModel(_ pieces: [SentencePieceModelFile.Piece]) -> JSONValue {
    let unknown = pieces.firstIndex { $0.type == .unknown } ?? 0
    let vocabulary = pieces.map { piece in
      JSONValue.array([.string(text(piece)), .number(Double(piece.score))])
    }
    return .object(
      JSONObject([
        ("type", .string("Unigram")), ("unk_id", .integer(unknown)),
        ("vocab", .array(vocabulary)), ("byte_fallback", .boolean(true)),
      ]))
  }

  private static func pairModel(_ pieces: [SentencePieceModelFile.Piece]) -> JSONValue {
    let vocabulary = JSONObject(pieces.enumerated().map { (text($1), .integer($0)) })
    return .object(
      JSONObject([
        ("type", .string("BPE")), ("dropout", .null), ("unk_token", .string("<unk>")),
        ("continuing_subword_prefix", .null), ("end_of_word_suffix", .null),
        ("fuse_unk", .boolean(true)), ("byte_fallback", .boolean(true)),
        ("ignore_merges", .boolean(false)), ("vocab", .object(vocabulary)),
        ("merges", .array(merges(pieces))),
      ]))
  }

  /// SentencePiece joins the neighbours whose product has the highest score; so the merges are all
  /// ways to make a piece of two, in the order of the scores.
  private static func merges(_ pieces: [SentencePieceModelFile.Piece]) -> [JSONValue] {
    let normal = pieces.enumerated().filter { $0.element.type == .normal }
    let ids = Dictionary(
      normal.map { ($0.element.bytes, $0.offset) }, uniquingKeysWith: { first, _ in first })
    let ordered = normal.sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }
    return ordered.flatMap { _, piece in
      (1..<max(1, piece.bytes.count)).compactMap { cut -> JSONValue? in
        let (left, right) = (Array(piece.bytes[..<cut]), Array(piece.bytes[cut...]))
        guard ids[left] != nil, ids[right] != nil else { return nil }
        return .array([left, right].map { .string(String(decoding: $0, as: UTF8.self)) })
      }
    }
  }
}
