import Foundation
import GPTTensor

/// Byte-level byte-pair encoding (GPT-2, Llama 3, Qwen2, SmolLM …).
///
/// Source: Radford et al. 2019: text is UTF-8, words are split by a pattern, bytes merge in words.
struct ByteLevelTokenizer: Tokenizer {
  let vocabularySize: Int
  let summary: String
  let beginningOfSequence: Int32?
  let endOfSequence: Int32?
  private let pieces: [String?]
  private let identifiers: [String: Int32]
  private let pieceBytes: [[UInt8]]
  private let special: Set<Int32>
  private let byteTokens: [Int32?]
  private let merger: BytePairMerger
  private let added: AddedTokens
  private let preTokeniser: PreTokeniser
  private let addsPrefixSpace: Bool
  private let normalisesToNFC: Bool
  /// Words that need no merging; nil unless the vocabulary says so.
  private let wholeWords: [[UInt8]: Int32]?
  private let unknown: Int32?
  private let prefix: [Int32]
  private let suffix: [Int32]

  init(_ vocabulary: ByteLevelVocabulary) throws(TokenizerError) {
    var pieces = vocabulary.pieces
    var names = try vocabulary.identifiers()
    merger = BytePairMerger(merges: try vocabulary.mergeTable(names))
    for token in vocabulary.added {
      if Int(token.id) >= pieces.count {
        pieces.append(contentsOf: repeatElement(nil, count: Int(token.id) + 1 - pieces.count))
      }
      pieces[Int(token.id)] = token.content
      names[token.content] = token.id
    }
    self.pieces = pieces
    identifiers = names
    vocabularySize = pieces.count
    summary = "byte-level BPE (\(vocabulary.preTokeniserName))"
    beginningOfSequence = vocabulary.beginningOfSequence
    endOfSequence = vocabulary.endOfSequence
    special = Set(vocabulary.added.filter(\.isSpecial).map(\.id))
    let literal = Set(vocabulary.added.map(\.id))
    pieceBytes = pieces.enumerated().map { index, piece in
      guard let piece else { return [] }
      if literal.contains(Int32(index)) { return Array(piece.utf8) }
      return ByteAlphabet.bytes(of: piece) ?? Array(piece.utf8)
    }
    byteTokens = (0..<256).map { names[ByteAlphabet.piece(of: UInt8($0))] }
    added = AddedTokens(vocabulary.added)
    preTokeniser = vocabulary.preTokeniser
    addsPrefixSpace = vocabulary.addsPrefixSpace
    normalisesToNFC = vocabulary.normalisesToNFC
    unknown = vocabulary.unknown
    prefix = vocabulary.prefix
    suffix = vocabulary.suffix
    var words: [[UInt8]: Int32] = [:]
    if vocabulary.ignoresMerges {
      for (index, bytes) in pieceBytes.enumerated() where !literal.contains(Int32(index)) {
        words[bytes] = Int32(index)
      }
    }
    wholeWords = vocabulary.ignoresMerges ? words : nil
  }

  func encode(_ text: String, addSpecialTokens: Bool, parseSpecialTokens: Bool)
    throws(TokenizerError) -> [Int32]
  {
    var ids = addSpecialTokens ? prefix : []
    for part in added.split(text, includingSpecial: parseSpecialTokens) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let text): encodeWords(of: text, into: &ids)
      }
    }
    return addSpecialTokens ? ids + suffix : ids
  }

  private func encodeWords(of text: Substring, into ids: inout [Int32]) {
    var text = text
    if normalisesToNFC { text = Substring(String(text).precomposedStringWithCanonicalMapping) }
    if addsPrefixSpace, text.unicodeScalars.first?.properties.isWhitespace == false {
      text = " " + text
    }
    var symbols: [Int32] = []
    preTokeniser.forEachWord(of: text.utf8) { word in
      if let wholeWords, let id = wholeWords[Array(word)] {
        ids.append(id)
        return
      }
      symbols.removeAll(keepingCapacity: true)
      for byte in word {
        // A vocabulary without this byte and without an unknown token drops it, as PyPI
        // `tokenizers` does.
        if let id = byteTokens[Int(byte)] ?? unknown { symbols.append(id) }
      }
      merger.merge(&symbols)
      ids.append(contentsOf: symbols)
    }
  }

  func bytes(of id: Int32, includeSpecialTokens: Bool) -> [UInt8] {
    guard id >= 0, Int(id) < pieceBytes.count else { return [] }
    return includeSpecialTokens || !special.contains(id) ? pieceBytes[Int(id)] : []
  }

  func piece(of id: Int32) -> String? {
    id >= 0 && Int(id) < pieces.count ? pieces[Int(id)] : nil
  }

  func id(ofPiece piece: String) -> Int32? { identifiers[piece] }

  func isSpecial(_ id: Int32) -> Bool { special.contains(id) }
}
