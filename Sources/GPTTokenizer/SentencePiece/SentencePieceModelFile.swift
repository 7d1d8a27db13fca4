/// What a SentencePiece ModelProto says, read and checked at wire level.
///
/// libsentencepiece trusts its models: a damaged normalisation table is walked out of bounds, a
/// long chain of user-defined pieces overruns a fixed buffer. So every model is checked here
/// before the library sees its bytes.
///
/// - Source: sentencepiece_model.proto of google/sentencepiece v0.1.97, for the field numbers
package struct SentencePieceModelFile {
  enum Limits {
    /// Gemma's model, the largest published, has 4.2 MB.
    static let bytes = 64 << 20
    /// Gemma 3 has 262,144 pieces.
    static let pieces = 1 << 20
    /// Published pieces stay under 200 bytes; the library recurses over unused ones.
    static let pieceBytes = 16_384
    /// The library collects that many user-defined prefixes of a text in a fixed buffer.
    static let userDefinedChain = 64
  }

  /// Values of SentencePiece.Type.
  package enum PieceType: Int32 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// Values of TrainerSpec.ModelType.
  enum Algorithm: UInt64 {
    case unigram = 1
    case bpe, word, character

    var name: String {
      switch self {
      case .unigram: "unigram"
      case .bpe: "BPE"
      case .word: "word"
      case .character: "character"
      }
    }
  }

  package struct Piece {
    package var bytes: [UInt8] = []
    package var score: Float = 0
    package var type = PieceType.normal
  }

  package var pieces: [Piece] = []
  var algorithm = Algorithm.unigram
  var unknownSurface = Array(" \u{2047} ".utf8)
  var beginningPiece = Array("<s>".utf8)
  var endPiece = Array("</s>".utf8)
  var addsDummyPrefix = true
  var removesExtraSpaces = true
  /// What GGUF's fields and a plain tokenizer.json cannot say; nil for the identity normaliser.
  private(set) var unusualNormalisation: String?
  private let location: String

  package init(_ bytes: [UInt8], location: String) throws(TokenizerError) {
    self.location = location
    guard !bytes.isEmpty else {
      throw .invalid(
        location: location, found: "an empty file", expected: "a SentencePiece model")
    }
    guard bytes.count <= Limits.bytes else {
      throw .invalid(
        location: location, found: "\(bytes.count) bytes", expected: "at most \(Limits.bytes)")
    }
    var reader = WireReader(bytes[...], location: location)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let message)): try readPiece(message)
      case (2, .bytes(let message)): try readTrainer(message)
      case (3, .bytes(let message)): try readNormalizer(message, name: "normalizer_spec")
      case (5, .bytes(let message)): try readNormalizer(message, name: "denormalizer_spec")
      case (1...5, .bytes): break
      case (1...5, _): throw failure("field \(field.number) that is no message", "a message")
      default: break
      }
    }
    try checkPieces()
  }

  private func failure(_ found: String, _ expected: String) -> TokenizerError {
    .invalid(location: location, found: found, expected: expected)
  }

  private mutating func readPiece(_ message: ArraySlice<UInt8>) throws(TokenizerError) {
    guard pieces.count < Limits.pieces else {
      throw failure("more than \(Limits.pieces) pieces", "at most that many")
    }
    let place = "\(location): pieces[\(pieces.count)]"
    var piece = Piece()
    var reader = WireReader(message, location: place)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let text)): piece.bytes = Array(text)
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .varint(let raw)):
        guard let type = Int32(exactly: raw).flatMap(PieceType.init) else {
          throw .invalid(location: place, found: "type \(raw)", expected: "1 to 6")
        }
        piece.type = type
      case (1...3, _):
        throw .invalid(
          location: place, found: "field \(field.number) of another wire type",
          expected: "a string, a float and an enumeration")
      default: break
      }
    }
    try check(piece, place: place)
    pieces.append(piece)
  }

  private func check(_ piece: Piece, place: String) throws(TokenizerError) {
    guard !piece.bytes.isEmpty else {
      throw .invalid(location: place, found: "an empty piece", expected: "a text")
    }
    guard piece.bytes.count <= Limits.pieceBytes else {
      throw .invalid(
        location: place, found: "a piece of \(piece.bytes.count) bytes",
        expected: "at most \(Limits.pieceBytes)")
    }
    guard String(validating: piece.bytes, as: UTF8.self) != nil, !piece.bytes.contains(0) else {
      throw .invalid(
        location: place, found: "piece \(quotedForMessage(piece.bytes))",
        expected: "UTF-8 without NUL")
    }
    guard piece.score.isFinite else {
      throw .invalid(location: place, found: "score \(piece.score)", expected: "a finite number")
    }
  }

  private mutating func readTrainer(_ message: ArraySlice<UInt8>) throws(TokenizerError) {
    var reader = WireReader(message, location: "\(location): trainer_spec")
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (3, .varint(let raw)):
        guard let algorithm = Algorithm(rawValue: raw) else {
          throw failure("trainer_spec.model_type \(raw)", "1 to 4")
        }
        self.algorithm = algorithm
      case (24, .varint(let raw)) where raw != 0:
        unusualNormalisation = "treat_whitespace_as_suffix = true"
      case (44, .bytes(let text)): unknownSurface = Array(text)
      case (46, .bytes(let text)): beginningPiece = Array(text)
      case (47, .bytes(let text)): endPiece = Array(text)
      default: break
      }
    }
  }

  private mutating func readNormalizer(
    _ message: ArraySlice<UInt8>, name: String
  ) throws(TokenizerError) {
    var reader = WireReader(message, location: "\(location): \(name)")
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (2, .bytes(let table)):
        try NormalizationTable.check(table, location: "\(location): \(name).precompiled_charsmap")
        if !table.isEmpty { unusualNormalisation = "a normalisation table" }
      case (3, .varint(let raw)) where name == "normalizer_spec": addsDummyPrefix = raw != 0
      case (4, .varint(let raw)) where name == "normalizer_spec": removesExtraSpaces = raw != 0
      case (5, .varint(0)) where name == "normalizer_spec":
        unusualNormalisation = "escape_whitespaces = false"
      default: break
      }
    }
  }

  private func checkPieces() throws(TokenizerError) {
    guard !pieces.isEmpty else { throw failure("no pieces", "a SentencePiece model") }
    var seen: Set<TokenText> = []
    seen.reserveCapacity(pieces.count)
    var unknownCount = 0
    for (index, piece) in pieces.enumerated() {
      guard seen.insert(TokenText(piece.bytes)).inserted else {
        throw failure(
          "pieces[\(index)] \(quotedForMessage(piece.bytes)) for the second time",
          "different pieces")
      }
      if piece.type == .unknown { unknownCount += 1 }
    }
    guard unknownCount == 1 else {
      throw failure("\(unknownCount) pieces of type unknown", "one")
    }
    try checkUserDefinedChain()
  }

  private func checkUserDefinedChain() throws(TokenizerError) {
    let texts = pieces.filter { $0.type == .userDefined }.map(\.bytes)
    var chain: [[UInt8]] = []
    for text in texts.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      while let last = chain.last, !text.starts(with: last) { chain.removeLast() }
      chain.append(text)
      guard chain.count < Limits.userDefinedChain else {
        throw failure(
          "\(chain.count) user-defined pieces that begin with one another",
          "fewer than \(Limits.userDefinedChain)")
      }
    }
  }
}
