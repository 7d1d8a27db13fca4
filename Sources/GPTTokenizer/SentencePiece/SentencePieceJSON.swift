package import GPTJSON

extension TokenizerJSONWriter {
  /// What a tokenizer.json says of a SentencePiece model whose normaliser is the identity: spaces
  /// become U+2581, and nothing else changes a text.
  ///
  /// - Parameter ends: nil for a model that puts nothing around a text.
  package static func sentencePiece(
    _ file: SentencePieceModelFile, ends: Ends = Ends()
  ) -> JSONValue {
    let pieces = file.pieces
    let added = pieces.enumerated().compactMap { id, piece -> AddedToken? in
      let isSpecial = piece.type == .control || piece.type == .unknown
      return isSpecial || piece.type == .userDefined ? (id, text(piece), isSpecial) : nil
    }
    func token(_ text: String?, _ isWanted: Bool) -> [(id: Int32, text: String)] {
      guard isWanted, let text, let entry = added.first(where: { $0.text == text }) else {
        return []
      }
      return [(Int32(entry.id), text)]
    }
    return document(
      addedTokens: added, normalizer: normalizer(file), preTokenizer: .null,
      postProcessor: template(
        before: token(ends.beginning, ends.addsBeginning), after: token(ends.end, ends.addsEnd)),
      decoder: decoder(file),
      model: file.algorithm == .unigram ? unigramModel(pieces) : pairModel(pieces))
  }

  private static let space = "\u{2581}"

  private static func replacement(_ pattern: String, _ content: String) -> JSONValue {
    object([
      ("type", .string("Replace")), ("pattern", object([("String", .string(pattern))])),
      ("content", .string(content)),
    ])
  }

  private static func normalizer(_ file: SentencePieceModelFile) -> JSONValue {
    let spaces = replacement(" ", space)
    guard file.addsDummyPrefix else { return spaces }
    let prefix = object([("type", .string("Prepend")), ("prepend", .string(space))])
    return object([("type", .string("Sequence")), ("normalizers", .array([prefix, spaces]))])
  }

  private static func decoder(_ file: SentencePieceModelFile) -> JSONValue {
    var steps = [
      replacement(space, " "), object([("type", .string("ByteFallback"))]),
      object([("type", .string("Fuse"))]),
    ]
    if file.addsDummyPrefix {
      steps.append(
        object([
          ("type", .string("Strip")), ("content", .string(" ")), ("start", .integer(1)),
          ("stop", .integer(0)),
        ]))
    }
    return object([("type", .string("Sequence")), ("decoders", .array(steps))])
  }

  private static func text(_ piece: SentencePieceModelFile.Piece) -> String {
    String(decoding: piece.bytes, as: UTF8.self)
  }

  private static func unigramModel(_ pieces: [SentencePieceModelFile.Piece]) -> JSONValue {
    let unknown = pieces.firstIndex { $0.type == .unknown } ?? 0
    let vocabulary = pieces.map { piece in
      JSONValue.array([.string(text(piece)), .number(Double(piece.score))])
    }
    return object([
      ("type", .string("Unigram")), ("unk_id", .integer(unknown)),
      ("vocab", .array(vocabulary)), ("byte_fallback", .boolean(true)),
    ])
  }

  private static func pairModel(_ pieces: [SentencePieceModelFile.Piece]) -> JSONValue {
    let unknown = pieces.first { $0.type == .unknown }.map(text)
    return pairModel(
      vocabulary: JSONObject(pieces.enumerated().map { (text($1), .integer($0)) }),
      merges: merges(pieces), unknown: unknown ?? "<unk>", fallsBackToBytes: true)
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
