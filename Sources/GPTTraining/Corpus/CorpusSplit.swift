/// Divides a corpus into a training and a validation part.
///
/// Documents go by the hash of their text, so equal texts never come to both sides. When that would
/// leave a side empty or the corpus has only few documents (fewer than 2 / share), the last share
/// of every document's characters is for validation: for one document of n characters the first
/// ⌊n · (1 - share)⌋ train, as nanoGPT's data/shakespeare_char/prepare.py has it.
struct CorpusSplit {
  enum Side: String, CaseIterable { case training, validation }

  /// A stretch of text that lies on one side.
  struct Segment {
    var range: Range<Int>
    /// Hash of the text when it is a whole record.
    fileprivate var hash: DocumentSpool.TextHash?
    /// True when another document, or another piece of one, ends before it.
    var followsAnother: Bool
  }

  /// True when the documents are cut by position.
  let isByPosition: Bool
  private let spool: DocumentSpool
  private let share: Double
  /// Characters of each document that train, when the split is by position.
  private var cuts: [Int: Int] = [:]

  init(_ spool: DocumentSpool, share: Double) {
    self.spool = spool
    self.share = share
    var documentCount = 0
    var lastDocument = -1
    var sizes = (training: 0, validation: 0)
    let limit = Self.limit(share)
    for record in spool.records {
      if record.document != lastDocument { documentCount += 1 }
      lastDocument = record.document
      if record.hash.high < limit { sizes.validation += 1 } else { sizes.training += 1 }
    }
    isByPosition =
      Double(documentCount) < 2 / share || sizes.training == 0 || sizes.validation == 0
    guard isByPosition else { return }
    for record in spool.records { cuts[record.document, default: 0] += record.characterCount }
    cuts = cuts.mapValues { Int(Double($0) * (1 - share)) }
  }

  /// Hashes below this are for validation.
  private static func limit(_ share: Double) -> UInt64 {
    UInt64(exactly: (share * 0x1p64).rounded(.down)) ?? .max
  }

  /// The stretches of one side in the order of the corpus.
  func segments(_ side: Side) -> some Sequence<Segment> {
    sequence(state: Walk()) { [self] walk in
      while let record = spool.record(at: walk.offset) {
        let range = range(of: record, after: walk.advance(over: record), on: side)
        guard !range.isEmpty else { continue }
        return Segment(
          range: range, hash: range == record.range ? record.hash : nil,
          followsAnother: walk.takes(record))
      }
      return nil
    }
  }

  /// The part of a record's text on `side`.
  private func range(
    of record: DocumentSpool.Record, after before: Int, on side: Side
  ) -> Range<Int> {
    guard isByPosition else {
      let isValidation = record.hash.high < Self.limit(share)
      return isValidation == (side == .validation) ? record.range : record.range.prefix(0)
    }
    let cut = min(max((cuts[record.document] ?? 0) - before, 0), record.characterCount)
    let offset =
      cut == record.characterCount
      ? record.range.upperBound : byteOffset(ofCharacter: cut, in: record.range)
    return side == .training
      ? record.range.lowerBound..<offset : offset..<record.range.upperBound
  }

  private func byteOffset(ofCharacter index: Int, in range: Range<Int>) -> Int {
    var count = 0
    for (offset, byte) in spool.text(range).enumerated() where byte & 0xc0 != 0x80 {
      if count == index { return range.lowerBound + offset }
      count += 1
    }
    return range.upperBound
  }

  /// Makes sure that no text of the validation part is one of the training part.
  ///
  /// Takes 16 bytes a document of the validation part.
  func checkLeakage() throws(TrainingError) {
    let validation = Set(hashes(.validation))
    guard hashes(.training).allSatisfy({ !validation.contains($0) }) else {
      throw .invalid(
        location: "corpus", found: "a text in both the training and the validation part",
        expected: "different texts (--dedupe exact or near leaves repetitions out)")
    }
  }

  private func hashes(_ side: Side) -> some Sequence<DocumentSpool.TextHash> {
    segments(side).lazy.map { [spool] segment in
      segment.hash ?? DocumentSpool.TextHash(spool.text(segment.range))
    }
  }

  /// A place in the spool and what lies before it.
  private struct Walk {
    private(set) var offset = 0
    private var document = -1
    private var characters = 0
    private var lastTaken: (document: Int, part: Int)?

    /// Goes behind `record`; returns the characters of its document before it.
    mutating func advance(over record: DocumentSpool.Record) -> Int {
      if record.document != document { characters = 0 }
      document = record.document
      offset = record.range.upperBound
      defer { characters += record.characterCount }
      return characters
    }

    /// True when something else than the record's own predecessor was taken before it.
    mutating func takes(_ record: DocumentSpool.Record) -> Bool {
      defer { lastTaken = (record.document, record.part) }
      return lastTaken.map { $0 != (record.document, record.part - 1) } ?? false
    }
  }
}
