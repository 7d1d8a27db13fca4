internal import GPTTensor
import Glibc

/// The clean documents of a corpus in a file of their own, between reading and encoding.
///
/// It is read several times (vocabulary, training part, validation part), so gzip and standard
/// input need not be. Layout of a record, numbers little-endian:
///
///     [u64 bytes][u64 characters][u64 document][u64 part][16 bytes of digest][text]
struct DocumentSpool {
  static let headerBytes = 48

  /// 128 bits of a text's SHA-256: two of 2^32 texts share them with probability 2^-65.
  struct TextHash: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    init(_ text: UnsafeRawBufferPointer) {
      let words = SHA256.digest(of: text).words
      high = UInt64(words[0]) << 32 | UInt64(words[1])
      low = UInt64(words[2]) << 32 | UInt64(words[3])
    }
  }

  struct Record {
    var range: Range<Int>
    var characterCount: Int
    var document: Int
    var part: Int
    var hash: TextHash
  }

  private static let residentBytes = 64 << 20

  private let file: MappedFile

  /// Takes over the finished file of a writer, which disappears from its folder.
  init(path: String) throws(TrainingError) {
    do { file = try MappedFile(path: path) } catch { throw .file(error) }
    unlink(path)
  }

  var byteCount: Int { file.bytes.count }

  func text(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  /// The record that begins at `offset`, nil at the end.
  func record(at offset: Int) -> Record? {
    let bytes = file.bytes
    guard offset <= bytes.count - Self.headerBytes else { return nil }
    func number(_ index: Int) -> UInt64 {
      UInt64(
        littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8 * index, as: UInt64.self))
    }
    let start = offset + Self.headerBytes
    guard let count = Int(exactly: number(0)), count <= bytes.count - start else { return nil }
    releaseBehind(offset, start + count)
    return Record(
      range: start..<(start + count), characterCount: Int(truncatingIfNeeded: number(1)),
      document: Int(truncatingIfNeeded: number(2)), part: Int(truncatingIfNeeded: number(3)),
      hash: TextHash(high: number(4), low: number(5)))
  }

  /// Keeps about twice `residentBytes` of the file in memory while records are read in order.
  private func releaseBehind(_ offset: Int, _ end: Int) {
    let part = offset / Self.residentBytes
    guard part != end / Self.residentBytes else { return }
    file.release(max(0, part - 1) * Self.residentBytes..<offset)
  }

  var records: some Sequence<Record> {
    sequence(state: 0) { [self] offset in
      guard let record = record(at: offset) else { return nil }
      offset = record.range.upperBound
      return record
    }
  }
}

/// Writes a spool.
final class DocumentSpoolWriter {
  private let file: ReplacedFile
  private let path: String

  init(path: String) throws(TrainingError) {
    self.path = path
    do { file = try ReplacedFile(path) } catch { throw .file(error) }
  }

  func append(
    _ text: [UInt8], document: Int, part: Int, hash: DocumentSpool.TextHash
  ) throws(TrainingError) {
    var header: [UInt64] = [UInt64(text.count), UInt64(text.characterCount)]
    header += [UInt64(document), UInt64(part), hash.high, hash.low]
    do {
      try file.write(header.map(\.littleEndian))
      try file.write(text)
    } catch { throw .file(error) }
  }

  func finish() throws(TrainingError) -> DocumentSpool {
    do { try file.commit() } catch { throw .file(error) }
    return try DocumentSpool(path: path)
  }
}

extension Sequence<UInt8> {
  /// Characters (Unicode scalars) of valid UTF-8.
  var characterCount: Int { reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) } }
}
