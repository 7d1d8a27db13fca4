/// The different characters of a corpus.
struct CharacterInventory {
  /// A vocabulary of more characters is a mistake: Unicode 16 has 154,998.
  private static let limit = 1 << 18

  /// In the order of their code points.
  private(set) var characters: [Unicode.Scalar] = []

  init(of spool: DocumentSpool, monitor: PreparationMonitor) throws(TrainingError) {
    var isPresent = [Bool](repeating: false, count: 0x110000)
    for record in spool.records {
      Self.mark(spool.text(record.range), &isPresent)
      try monitor.report(.trainingTokenizer, record.range.upperBound, of: spool.byteCount)
    }
    for (value, isPresent) in isPresent.enumerated() where isPresent {
      if let scalar = Unicode.Scalar(UInt32(value)) { characters.append(scalar) }
    }
    guard characters.count <= Self.limit else {
      throw .invalid(
        location: "corpus", found: "\(characters.count) different characters",
        expected: "at most \(Self.limit) for a vocabulary of characters")
    }
  }

  /// - Precondition: `text` is valid UTF-8
  private static func mark(_ text: UnsafeRawBufferPointer, _ isPresent: inout [Bool]) {
    var value = 0
    var missing = 0
    for byte in text {
      if byte & 0xc0 == 0x80 {
        value = value << 6 | Int(byte & 0x3f)
        missing -= 1
      } else {
        missing = byte < 0xc0 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
        value = Int(byte) & (missing == 0 ? 0x7f : 0x3f >> missing)
      }
      if missing == 0 { isPresent[min(value, 0x10ffff)] = true }
    }
  }
}
