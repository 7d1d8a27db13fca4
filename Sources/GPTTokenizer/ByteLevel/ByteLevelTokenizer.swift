internal import GPTTensor

/// Byte-level byte-pair encoding: any text is a sequence of bytes, words of which are merged.
///
/// - Source: Radford et al. 2019, *Language Models are Unsupervised Multitask Learners*, §2.2
public struct ByteLevelTokenizer: Tokenizer {
  private let table: TokenTable
  private let kinds: [BytePairVocabulary.Kind]
  private let idOfByte: [Int32]
  private let merger: PairMerger
  private let preTokenizer: PreTokenizer
  private let ignoresMerges: Bool
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
  public var vocabularySize: Int { table.count }

  init(_ vocabulary: BytePairVocabulary) throws(TokenizerError) {
    try vocabulary.checkDensity()
    table = try Self.table(vocabulary)
    kinds = vocabulary.kinds
    idOfByte = Self.byteIds(table)
    merger = try Self.merger(vocabulary, table)
    let kinds = kinds
    allAddedTokens = SpecialTokenMatcher(vocabulary.addedTokens)
    userDefinedTokens = SpecialTokenMatcher(
      vocabulary.addedTokens.filter { kinds[Int($0.id)] != .control })
    preTokenizer = vocabulary.preTokenizer
    ignoresMerges = vocabulary.ignoresMerges
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

  private static func table(_ vocabulary: BytePairVocabulary) throws(TokenizerError) -> TokenTable {
    var clash: (id: Int, earlier: Int32)?
    let table = TokenTable(texts: vocabulary.texts, places: vocabulary.places) { id, earlier in
      if clash == nil, vocabulary.kinds[id] == .normal { clash = (id, earlier) }
    }
    guard let clash else { return table }
    let text = quotedForMessage(Array(vocabulary.text(of: clash.id) ?? []))
    throw vocabulary.failure(
      "\(text) with the ids \(clash.earlier) and \(clash.id)", "one id a token")
  }

  private static func byteIds(_ table: TokenTable) -> [Int32] {
    ByteAlphabet.scalars.map { table.id(of: String($0)) ?? -1 }
  }

  private static func merger(
    _ vocabulary: BytePairVocabulary, _ table: TokenTable
  ) throws(TokenizerError) -> PairMerger {
    let merges = vocabulary.merges
    var entries: [PairMerger.Entry] = []
    entries.reserveCapacity(merges.count)
    var missing: (rank: Int, role: String, text: ArraySlice<UInt8>)?
    table.forEachMerge(of: merges) { rank, ids in
      guard let left = ids.left, let right = ids.right, let product = ids.product else {
        missing =
          ids.left == nil
          ? (rank, "part", merges.left(rank))
          : ids.right == nil
            ? (rank, "part", merges.right(rank)) : (rank, "product", merges.products[rank])
        return false
      }
      entries.append(PairMerger.Entry(left: left, right: right, product: product))
      return true
    }
    guard let missing else { return PairMerger(entries) }
    throw .invalid(
      location: "\(vocabulary.mergesLocation): merges[\(missing.rank)]",
      found: "\(missing.role) \(quotedForMessage(Array(missing.text)))",
      expected: "a token of the vocabulary")
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
      if ignoresMerges, let id = wholeToken(text[word]) { return ids.append(id) }
      symbols.removeAll(keepingCapacity: true)
      for byte in text[word] { if let id = symbol(of: byte) { symbols.append(id) } }
      merger.apply(to: &symbols, into: &ids)
    }
  }

  /// The token that a word is by itself.
  private func wholeToken(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Int32? {
    let id = ByteAlphabet.encode(word).withUnsafeBytes { table.id(of: $0) }
    return id.flatMap { kinds[Int($0)] == .normal ? $0 : nil }
  }

  /// A vocabulary without this byte and without an unknown token drops it, as PyPI `tokenizers`
  /// does.
  private func symbol(of byte: UInt8) -> Int32? {
    let id = idOfByte[Int(byte)]
    return id >= 0 ? id : unknown
  }

  public func bytes(of id: Int32, includeSpecialTokens: Bool) -> [UInt8] {
    guard let text = table.text(of: id), !isSpecial(id) || includeSpecialTokens else { return [] }
    return (kinds[Int(id)] == .normal ? ByteAlphabet.decode(text) : nil) ?? Array(text)
  }

  public func decode(_ ids: [Int32], includeSpecialTokens: Bool) -> String {
    let text: [UInt8] = ids.flatMap {
      self.bytes(of: $0, includeSpecialTokens: includeSpecialTokens)
    }
    return String(decoding: text, as: UTF8.self)
  }

  public func piece(of id: Int32) -> String? {
    table.text(of: id).map { String(decoding: $0, as: UTF8.self) }
  }

  public func id(ofPiece piece: String) -> Int32? { table.id(of: piece) }

  public func isSpecial(_ id: Int32) -> Bool {
    id >= 0 && Int(id) < kinds.count && kinds[Int(id)] == .control
  }
}
