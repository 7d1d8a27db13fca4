internal import GPTTensor

/// The merges of a vocabulary in order of rank, as texts.
struct MergeList: Sendable {
  /// Left and right part of each merge joined: the text of its product.
  private(set) var products = ByteStrings()
  private(set) var leftCounts: [Int] = []

  var count: Int { products.count }

  mutating func append(left: UnsafeRawBufferPointer, right: UnsafeRawBufferPointer) {
    products.append(left, right)
    leftCounts.append(left.count)
  }

  mutating func append(left: some Sequence<UInt8>, right: some Sequence<UInt8>) {
    let (left, right) = (Array(left), Array(right))
    left.withUnsafeBytes { left in right.withUnsafeBytes { append(left: left, right: $0) } }
  }

  mutating func reserveCapacity(_ count: Int, byteCount: Int) {
    products.reserveCapacity(count, byteCount: byteCount)
    leftCounts.reserveCapacity(count)
  }

  func left(_ rank: Int) -> ArraySlice<UInt8> { products[rank].prefix(leftCounts[rank]) }
  func right(_ rank: Int) -> ArraySlice<UInt8> { products[rank].dropFirst(leftCounts[rank]) }

  /// The two parts of a line, nil when it has not exactly one space between two texts.
  static func parts<Line: Collection<UInt8>>(
    of line: Line
  ) -> (left: Line.SubSequence, right: Line.SubSequence)? {
    guard let space = line.firstIndex(of: 0x20) else { return nil }
    let right = line[line.index(after: space)...]
    let left = line[..<space]
    guard !left.isEmpty, !right.isEmpty, !right.contains(0x20) else { return nil }
    return (left, right)
  }
}
