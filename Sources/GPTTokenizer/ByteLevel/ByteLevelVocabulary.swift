/// Everything a byte-level BPE tokenizer is made of, read from any of its file formats.
struct ByteLevelVocabulary {
  /// Piece for each id; nil where a sparse vocabulary has none.
  var pieces: [String?] = []
  var merges: [(left: String, right: String)] = []
  var added: [AddedToken] = []
  var preTokeniser = PreTokeniser(pattern: .gpt2)
  var preTokeniserName = "gpt-2"
  var addsPrefixSpace = false
  /// Words that stand in the vocabulary whole are not split (Llama 3).
  var ignoresMerges = false
  var normalisesToNFC = false
  var unknown: Int32?
  var beginningOfSequence: Int32?
  var endOfSequence: Int32?
  /// Ids that encoding with special tokens puts before and after a text.
  var prefix: [Int32] = []
  var suffix: [Int32] = []
  /// Names for messages.
  var vocabularyLocation: String
  var mergesLocation: String

  /// Larger than any published vocabulary; keeps a single absurd id from claiming memory.
  static let maximumSize = 1 << 24

  init(vocabularyLocation: String, mergesLocation: String) {
    self.vocabularyLocation = vocabularyLocation
    self.mergesLocation = mergesLocation
  }
}

extension ByteLevelVocabulary {
  /// Ids of all pieces; two ids for one piece are refused.
  func identifiers() throws(TokenizerError) -> [String: Int32] {
    var result: [String: Int32] = [:]
    result.reserveCapacity(pieces.count)
    for (index, piece) in pieces.enumerated() {
      guard let piece else { continue }
      if let other = result.updateValue(Int32(index), forKey: piece) {
        throw .invalid(
          location: vocabularyLocation,
          found: "token \(messageText(piece)) has the ids \(other) and \(index)",
          expected: "one id a token")
      }
    }
    guard !result.isEmpty else {
      throw .invalid(
        location: vocabularyLocation, found: "the vocabulary is empty",
        expected: "at least one token")
    }
    return result
  }

  func mergeTable(_ identifiers: [String: Int32]) throws(TokenizerError)
    -> [UInt64: BytePairMerger.Merge]
  {
    var table: [UInt64: BytePairMerger.Merge] = [:]
    table.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      func id(_ piece: String) throws(TokenizerError) -> Int32 {
        if let id = identifiers[piece] { return id }
        throw .invalid(
          location: mergesLocation,
          found: "merge \(rank + 1) names the token \(messageText(piece))",
          expected: "tokens of the vocabulary")
      }
      let key = BytePairMerger.key(try id(merge.left), try id(merge.right))
      let result = try id(merge.left + merge.right)
      // Of repeated merges the first counts, as in the order of learning.
      if table[key] == nil {
        table[key] = BytePairMerger.Merge(rank: Int32(clamping: rank), result: result)
      }
    }
    return table
  }

  /// Puts a piece at its id.
  mutating func place(_ piece: String, at id: Int) throws(TokenizerError) {
    guard id >= 0, id < ByteLevelVocabulary.maximumSize else {
      throw .invalid(
        location: vocabularyLocation, found: "token \(messageText(piece)) has the id \(id)",
        expected: "0..<\(ByteLevelVocabulary.maximumSize)")
    }
    if id >= pieces.count {
      pieces.append(contentsOf: repeatElement(nil, count: id + 1 - pieces.count))
    }
    if let other = pieces[id], other != piece {
      throw .invalid(
        location: vocabularyLocation,
        found: "tokens \(messageText(other)) and \(messageText(piece)) share the id \(id)",
        expected: "one token an id")
    }
    pieces[id] = piece
  }
}

/// A piece as error messages quote it: printable, bounded.
func messageText(_ text: String) -> String {
  "'\(text.printable(limit: 40))'"
}
