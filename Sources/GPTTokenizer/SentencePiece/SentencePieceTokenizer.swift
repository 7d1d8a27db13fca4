/// A SentencePiece vocabulary, run by Google's library.
///
/// - Source: Kudo & Richardson 2018, arXiv:1808.06226
public struct SentencePieceTokenizer: Tokenizer {
  private let handle: SentencePieceHandle
  private let pieces: [SentencePieceModelFile.Piece]
  private let byteValues: [UInt8?]
  private let idOfPiece: [TokenText: Int32]
  private let controlTokens: SpecialTokenMatcher
  private let unknownSurface: [UInt8]
  private let location: String
  private let dropsLeadingSpace: Bool

  public let summary: String
  public private(set) var beginningOfSequence: Int32?
  public private(set) var endOfSequence: Int32?
  /// What `encode` puts around a text when asked for special tokens.
  public var addsBeginning: Bool
  public var addsEnd: Bool

  public var vocabularySize: Int { pieces.count }

  /// Reads `tokenizer.model` or another serialized ModelProto.
  public init(contentsOf path: String) throws(TokenizerError) {
    try self.init(modelBytes: RegularFile.bytes(of: path), location: path)
  }

  /// - Parameters:
  ///   - modelBytes: a serialized ModelProto.
  ///   - location: the name that errors give to it.
  public init(modelBytes: [UInt8], location: String) throws(TokenizerError) {
    let file = try SentencePieceModelFile(modelBytes, location: location)
    handle = try SentencePieceHandle(modelBytes, location: location)
    self.location = location
    pieces = file.pieces
    unknownSurface = file.unknownSurface
    dropsLeadingSpace = file.addsDummyPrefix
    byteValues = pieces.map { $0.type == .byte ? Self.byteValue($0.bytes) : nil }
    var idOfPiece: [TokenText: Int32] = [:]
    idOfPiece.reserveCapacity(pieces.count)
    for (id, piece) in pieces.enumerated() { idOfPiece[TokenText(piece.bytes)] = Int32(id) }
    self.idOfPiece = idOfPiece
    controlTokens = SpecialTokenMatcher(
      pieces.enumerated().filter { $0.element.type == .control }.map {
        AddedToken(id: Int32($0.offset), text: $0.element.bytes)
      })
    summary = "SentencePiece \(file.algorithm.name)"
    beginningOfSequence = nil
    endOfSequence = nil
    addsBeginning = true
    addsEnd = false
    beginningOfSequence = controlId(file.beginningPiece)
    endOfSequence = controlId(file.endPiece)
  }

  /// Replaces what the model says about its ends, as a GGUF's or a folder's own fields do.
  mutating func setEnds(beginning: Int32?, end: Int32?) {
    if let beginning { beginningOfSequence = beginning }
    if let end { endOfSequence = end }
  }

  private func controlId(_ piece: [UInt8]) -> Int32? {
    guard let id = idOfPiece[TokenText(piece)], pieces[Int(id)].type == .control else {
      return nil
    }
    return id
  }

  /// The value of a piece such as `<0x0A>`.
  private static func byteValue(_ piece: [UInt8]) -> UInt8? {
    guard piece.count == 6 else { return nil }
    return UInt8(String(decoding: piece[3..<5], as: UTF8.self), radix: 16)
  }

  private func valid(_ id: Int32) -> Bool { id >= 0 && Int(id) < pieces.count }

  public func encode(
    _ text: String, addSpecialTokens: Bool, parseSpecialTokens: Bool
  ) throws(TokenizerError) -> [Int32] {
    var ids: [Int32] = []
    if addSpecialTokens, addsBeginning, let beginningOfSequence { ids.append(beginningOfSequence) }
    var failure: TokenizerError?
    var text = text
    text.withUTF8 { bytes in
      do throws(TokenizerError) {
        try encode(bytes, parseSpecialTokens: parseSpecialTokens, into: &ids)
      } catch { failure = error }
    }
    if let failure { throw failure }
    if addSpecialTokens, addsEnd, let endOfSequence { ids.append(endOfSequence) }
    return ids
  }

  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, parseSpecialTokens: Bool, into ids: inout [Int32]
  ) throws(TokenizerError) {
    guard text.count <= RegularFile.byteLimit else {
      throw .unencodable(
        location: location,
        reason: "a text of \(text.count) bytes, expected at most \(RegularFile.byteLimit)")
    }
    guard parseSpecialTokens else { return try handle.encode(text, into: &ids) }
    for part in controlTokens.parts(of: text) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        try handle.encode(UnsafeBufferPointer(rebasing: text[range]), into: &ids)
      }
    }
  }

  public func bytes(of id: Int32, includeSpecialTokens: Bool) -> [UInt8] {
    guard valid(id) else { return [] }
    let piece = pieces[Int(id)]
    switch piece.type {
    case .control: return includeSpecialTokens ? piece.bytes : []
    case .unknown: return includeSpecialTokens ? piece.bytes : unknownSurface
    case .byte: return byteValues[Int(id)].map { [$0] } ?? []
    case .normal, .userDefined, .unused: return Self.withSpaces(piece.bytes)
    }
  }

  /// `piece` with U+2581, which stands for a space inside the library, as a space.
  private static func withSpaces(_ piece: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var position = 0
    while position < piece.count {
      if piece[position] == 0xe2, position + 2 < piece.count, piece[position + 1] == 0x96,
        piece[position + 2] == 0x81
      {
        result.append(0x20)
        position += 3
      } else {
        result.append(piece[position])
        position += 1
      }
    }
    return result
  }

  public func decode(_ ids: [Int32], includeSpecialTokens: Bool) -> String {
    let ids = ids.filter(valid)
    if !includeSpecialTokens, let text = handle.decode(ids) {
      return String(decoding: text, as: UTF8.self)
    }
    var result = ids.flatMap { bytes(of: $0, includeSpecialTokens: includeSpecialTokens) }
    if dropsLeadingSpace, let first = ids.first, !isSpecial(first), result.first == 0x20 {
      result.removeFirst()
    }
    return String(decoding: result, as: UTF8.self)
  }

  public func piece(of id: Int32) -> String? {
    valid(id) ? String(decoding: pieces[Int(id)].bytes, as: UTF8.self) : nil
  }

  public func id(ofPiece piece: String) -> Int32? { idOfPiece[TokenText(piece)] }

  public func isSpecial(_ id: Int32) -> Bool { valid(id) && pieces[Int(id)].type == .control }
}
