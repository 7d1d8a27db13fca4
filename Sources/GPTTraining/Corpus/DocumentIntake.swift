internal import GPTTensor

/// What reading a corpus came to.
package struct CorpusCounts: Sendable, Equatable {
  /// Documents as they came, before duplicates were left out.
  package var documents = 0
  /// Bytes of clean text that is kept.
  package var textBytes = 0
  /// Sequences of bytes that became U+FFFD.
  package var repairedSequences = 0
  package var removedControls = 0
  /// Documents (pieces of large ones) left out.
  package var exactDuplicates = 0
  package var nearDuplicates = 0
  /// Pieces that are kept.
  package var keptPieces = 0

  package init() {}
}

/// Takes clean documents in: normal form, duplicates, spool.
struct DocumentIntake {
  private(set) var counts = CorpusCounts()
  private let deduplication: PreparationOptions.Deduplication
  private let writer: DocumentSpoolWriter
  private var seen: Set<DocumentSpool.TextHash> = []
  private var near = NearDuplicates()

  init(deduplication: PreparationOptions.Deduplication, writer: DocumentSpoolWriter) {
    self.deduplication = deduplication
    self.writer = writer
  }

  mutating func accept(_ piece: DocumentReader.Piece) throws(TrainingError) {
    let text = ComposedText.compose(piece.text)
    let hash = text.withUnsafeBytes { DocumentSpool.TextHash($0) }
    if deduplication != .off, !seen.insert(hash).inserted {
      counts.exactDuplicates += 1
      return
    }
    if deduplication == .near, near.isDuplicate(text) {
      counts.nearDuplicates += 1
      return
    }
    try writer.append(text, document: piece.document, part: piece.part, hash: hash)
    counts.keptPieces += 1
    counts.textBytes += text.count
  }

  mutating func finish(
    documents: Int, cleaning: TextCleaner.Counts
  ) throws(TrainingError) -> DocumentSpool? {
    counts.documents = documents
    counts.repairedSequences = cleaning.repairedSequences
    counts.removedControls = cleaning.removedControls
    return counts.keptPieces == 0 ? nil : try writer.finish()
  }
}
