internal import GPTTensor

/// The token ids of one side of a corpus: all its files, mapped, as one stream.
package final class TokenShards: Sendable {
  /// Number of tokens.
  package let count: Int
  package let vocabularySize: Int
  private let bitWidth: Int
  private let files: [MappedFile]
  /// Where each file begins in the stream, and the end.
  private let starts: [Int]

  /// Opens and checks the files: their sizes, their contents where the manifest has a hash, and
  /// that every id is below `vocabularySize`.
  ///
  /// - Parameter bitWidth: 16 or 32
  package init(
    folder: String, files: [ShardFile], bitWidth: Int, vocabularySize: Int
  ) throws(TrainingError) {
    self.bitWidth = bitWidth
    self.vocabularySize = vocabularySize
    var mapped: [MappedFile] = []
    var starts = [0]
    var count = 0
    for shard in files {
      let path = "\(folder)/\(shard.name)"
      let file: MappedFile
      do { file = try MappedFile(path: path) } catch { throw .file(error) }
      let (bytes, overflow) = shard.tokenCount.multipliedReportingOverflow(by: bitWidth / 8)
      guard !overflow, file.bytes.count == bytes else {
        throw .invalid(
          location: path, found: "\(file.bytes.count) bytes",
          expected: "\(shard.tokenCount) tokens of \(bitWidth) bits (manifest.json)")
      }
      try Self.check(shard, path: path)
      count += shard.tokenCount
      mapped.append(file)
      starts.append(count)
    }
    self.files = mapped
    self.starts = starts
    self.count = count
    try checkIds()
  }

  private static func check(_ shard: ShardFile, path: String) throws(TrainingError) {
    guard let expected = shard.xxh64 else { return }
    let seal: FileSeal
    do { seal = try FileSeal(ofFile: path) } catch { throw .file(error) }
    guard seal.hash == expected else {
      throw .invalid(
        location: path, found: "other tokens than were prepared (XXH64 \(seal.hash))",
        expected: "\(expected.printable(limit: 40)) as manifest.json says")
    }
  }

  private func checkIds() throws(TrainingError) {
    for file in files {
      file.adviseSequential()
      let largest =
        bitWidth == 16
        ? UInt32(Self.largest(file.bytes.bindMemory(to: UInt16.self)))
        : Self.largest(file.bytes.bindMemory(to: UInt32.self))
      file.release(0..<file.bytes.count)
      guard Int(largest) < vocabularySize else {
        throw .invalid(
          location: file.path, found: "id \(largest)",
          expected: "ids below \(vocabularySize), the size of the vocabulary")
      }
    }
  }

  private static func largest<Id: FixedWidthInteger & UnsignedInteger>(
    _ ids: UnsafeBufferPointer<Id>
  ) -> Id {
    var largest: Id = 0
    for id in ids { largest = max(largest, Id(littleEndian: id)) }
    return largest
  }

  /// Copies a stretch of the stream.
  ///
  /// Ids are kept below the vocabulary's size: another process may have written to a file after it
  /// was checked.
  ///
  /// - Precondition: `range` lies in `0..<count`; `destination` has room for it
  package func copy(_ range: Range<Int>, into destination: UnsafeMutablePointer<Int32>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "tokens \(range) of \(count)")
    let limit = UInt32(vocabularySize - 1)
    var position = range.lowerBound
    var index = fileIndex(of: position)
    while position < range.upperBound {
      let end = min(range.upperBound, starts[index + 1])
      let target = destination + (position - range.lowerBound)
      let bytes = files[index].bytes
      let first = position - starts[index]
      if bitWidth == 16 {
        let ids = bytes.bindMemory(to: UInt16.self)
        for offset in 0..<(end - position) {
          target[offset] = Int32(min(UInt32(UInt16(littleEndian: ids[first + offset])), limit))
        }
      } else {
        let ids = bytes.bindMemory(to: UInt32.self)
        for offset in 0..<(end - position) {
          target[offset] = Int32(min(UInt32(littleEndian: ids[first + offset]), limit))
        }
      }
      position = end
      index += 1
    }
  }

  /// The file that holds the token at `position`, by bisection.
  private func fileIndex(of position: Int) -> Int {
    var (low, high) = (0, files.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= position { low = middle } else { high = middle }
    }
    return low
  }
}
