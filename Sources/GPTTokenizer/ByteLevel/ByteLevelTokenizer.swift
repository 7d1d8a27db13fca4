/// Byte-level byte-pair encoding: any text is a sequence of bytes, words of which are merged.
///
/// - Source: Radford et al. 2019, *Language Models are Unsupervised Multitask Learners*, §2.2
public struct ByteLevelTokenizer: Tokenizer {
  private let pieces: [String?]
  private let bytesOfToken: [[UInt8]]
  private let isControl: [Bool]
  private let idOfPiece: [TokenText: Int32]
  private let idOfBytes: [TokenText: Int32]
  private let idOfByte: [Int32]
  private let merger: PairMerger
  private let preTokenizer: PreTokenizer
  private let allAddedTokens: SpecialTokenMatcher
  private let userDefinedTokens: SpecialTokenMatcher
  private let addsPrefixSpace: Bool
  private let composesText: Bool
  private let unknown: Int32?
  private let prefix: [Int32]
  private let suffix: [Int32]
  private let location: String

  public let summary: String
  public let beginningOfSequence: Int32?
  public let endOfSequence: Int32?
  public var vocabularySize: Int { pieces.count }

  init(_ vocabulary: BytePairVocabulary) throws(TokenizerError) {
    try vocabulary.checkDensity()
    let entries = vocabulary.entries
    pieces = entries.map { $0?.text }
    isControl = entries.map { $0?.kind == .control }
    bytesOfToken = entries.map { entry in
      guard let entry else { return [] }
      let raw = entry.kind == .normal ? ByteAlphabet.decode(entry.text) : nil
      return raw ?? Array(entry.text.utf8)
    }
    idOfPiece = try Self.index(vocabulary)
    idOfByte = Self.byteIds(idOfPiece)
    merger = try Self.merger(vocabulary, idOfPiece)
    var idOfBytes: [TokenText: Int32] = [:]
    if vocabulary.ignoresMerges {
      for (id, entry) in entries.enumerated() where entry?.kind == .normal {
        idOfBytes[TokenText(bytesOfToken[id])] = Int32(id)
      }
    }
    self.idOfBytes = idOfBytes
    let control = isControl
    allAddedTokens = SpecialTokenMatcher(vocabulary.addedTokens)
    userDefinedTokens = SpecialTokenMatcher(vocabulary.addedTokens.filter { !control[Int($0.id)] })
    preTokenizer = vocabulary.preTokenizer
    addsPrefixSpace = vocabulary.addsPrefixSpace
    composesText = vocabulary.composesText
    unknown = vocabulary.unknown
    prefix = vocabulary.prefix
    suffix = vocabulary.suffix
    location = vocabulary.location
    beginningOfSequence = vocabulary.beginning
    endOfSequence = vocabulary.end
    summary = "byte-level BPE (\(escapedForMessage(vocabulary.preTokenizerName)))"
  }

  private static func index(
    _ vocabulary: BytePairVocabulary
  ) throws(TokenizerError) -> [TokenText: Int32] {
    var ids: [TokenText: Int32] = [:]
    ids.reserveCapacity(vocabulary.entries.count)
    for (id, entry) in vocabulary.entries.enumerated() {
      guard let entry else { continue }
      guard let other = ids.updateValue(Int32(id), forKey: TokenText(entry.text)) else { continue }
      guard entry.kind != .normal else {
        throw vocabulary.failure(
          "\(quotedForMessage(entry.text)) with the ids \(other) and \(id)", "one id a token")
      }
    }
    return ids
  }

  private static func byteIds(_ ids: [TokenText: Int32]) -> [Int32] {
    ByteAlphabet.scalars.map { ids[TokenText(String($0))] ?? -1 }
  }

  private static func merger(
    _ vocabulary: BytePairVocabulary, _ ids: [TokenText: Int32]
  ) throws(TokenizerError) -> PairMerger {
    var merger = PairMerger(capacity: vocabulary.merges.count)
    for (rank, pair) in vocabulary.merges.enumerated() {
      let (left, right) = (Array(pair.left.utf8), Array(pair.right.utf8))
      func id(_ bytes: [UInt8], _ role: String) throws(TokenizerError) -> Int32 {
        if let id = ids[TokenText(bytes)] { return id }
        throw .invalid(
          location: "\(vocabulary.mergesLocation): merges[\(rank)]",
          found: "\(role) \(quotedForMessage(bytes))", expected: "a token of the vocabulary")
      }
      merger.insert(
        left: try id(left, "part"), right: try id(right, "part"),
        merge: .init(rank: Int32(rank), product: try id(left + right, "product")))
    }
    return merger
  }

  public func encode(
    _ text: String, addSpecialTokens: Bool, parseSpecialTokens: Bool
  ) throws(TokenizerError) -> [Int32] {
    guard text.utf8.count <= RegularFile.byteLimit else {
      throw .unencodable(
        location: location,
        reason: "a text of \(text.utf8.count) bytes, expected at most \(RegularFile.byteLimit)")
    }
    var ids = addSpecialTokens ? prefix : []
    let matcher = parseSpecialTokens ? allAddedTokens : userDefinedTokens
    var failure: TokenizerError?
    var text = text
    text.withUTF8 { bytes in
      do throws(TokenizerError) {
        for part in matcher.parts(of: bytes) {
          switch part {
          case .token(let id): ids.append(id)
          case .text(let range):
            try encodeText(UnsafeBufferPointer(rebasing: bytes[range]), into: &ids)
          }
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
    if addSpecialTokens { ids += suffix }
    return ids
  }

  private func encodeText(
    _ text: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]
  ) throws(TokenizerError) {
    let needsSpace = addsPrefixSpace && !(text.first.map { $0 == 0x20 } ?? true)
    guard needsSpace || composesText else { return try encodeWords(text, into: &ids) }
    var copy = String(decoding: text, as: UTF8.self)
    if composesText { copy = Composition.nfc(copy) }
    if needsSpace { copy = " " + copy }
    let bytes = Array(copy.utf8)
    var failure: TokenizerError?
    bytes.withUnsafeBufferPointer { bytes in
      do throws(TokenizerError) { try encodeWords(bytes, into: &ids) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func encodeWords(
    _ text: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]
  ) throws(TokenizerError) {
    var symbols: [Int32] = []
    try preTokenizer.forEachWord(in: text) { word throws(TokenizerError) in
      if !idOfBytes.isEmpty, let id = idOfBytes[TokenText(Array(text[word]))] {
        ids.append(id)
        return
      }
      symbols.removeAll(keepingCapacity: true)
      for byte in text[word] { if let id = symbol(of: byte) { symbols.append(id) } }
      merger.apply(to: &symbols, into: &ids)
    }
  }

  /// A vocabulary without this byte and without an unknown token drops it, as PyPI `tokenizers`
  /// does.
  private func symbol(of byte: UInt8) -> Int32? {
    let id = idOfByte[Int(byte)]
    return id >= 0 ? id : unknown
  }

  public func bytes(of id: Int32, includeSpecialTokens: Bool) -> [UInt8] {
    guard id >= 0, Int(id) < pieces.count else { return [] }
    return isControl[Int(id)] && !includeSpecialTokens ? [] : bytesOfToken[Int(id)]
  }

  public func decode(_ ids: [Int32], includeSpecialTokens: Bool) -> String {
    let text: [UInt8] = ids.flatMap {
      self.bytes(of: $0, includeSpecialTokens: includeSpecialTokens)
    }
    return String(decoding: text, as: UTF8.self)
  }

  public func piece(of id: Int32) -> String? {
    id >= 0 && Int(id) < pieces.count ? pieces[Int(id)] : nil
  }

  public func id(ofPiece piece: String) -> Int32? { idOfPiece[TokenText(piece)] }

  public func isSpecial(_ id: Int32) -> Bool {
    id >= 0 && Int(id) < isControl.count && isControl[Int(id)]
  }
}
