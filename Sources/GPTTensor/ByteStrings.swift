/// Byte strings side by side in one piece of memory: a vocabulary of fifty thousand is two
/// allocations, not fifty thousand.
package struct ByteStrings: RandomAccessCollection, Equatable, Sendable {
  @usableFromInline package private(set) var bytes: [UInt8] = []
  /// Where each string ends in `bytes`.
  @usableFromInline package private(set) var ends: [Int] = []

  package init() {}

  package init(_ strings: some Sequence<[UInt8]>) {
    for string in strings { append(string) }
  }

  @inlinable package var startIndex: Int { 0 }
  @inlinable package var endIndex: Int { ends.count }

  @inlinable package subscript(index: Int) -> ArraySlice<UInt8> {
    bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  /// - Parameter byteCount: of all strings together
  package mutating func reserveCapacity(_ count: Int, byteCount: Int) {
    bytes.reserveCapacity(byteCount)
    ends.reserveCapacity(count)
  }

  package mutating func append(_ string: [UInt8]) {
    string.withUnsafeBytes { append($0) }
  }

  package mutating func append(_ string: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: string)
    ends.append(bytes.count)
  }

  /// Appends one string of two parts.
  package mutating func append(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: first)
    append(second)
  }

  /// Calls `body` with the strings where they lie: nothing is counted, whoever looks at many of them.
  @inlinable package func withUnsafeStrings<Result>(
    _ body: (UnsafeByteStrings) throws -> Result
  ) rethrows -> Result {
    try bytes.withUnsafeBytes { bytes in
      try ends.withUnsafeBufferPointer { ends in
        try body(UnsafeByteStrings(bytes: bytes, ends: ends))
      }
    }
  }

  /// Whether every string is UTF-8: all bytes together are, and no string begins inside a character.
  package var areUTF8: Bool {
    guard bytes.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) != nil }) else {
      return false
    }
    return withUnsafeStrings { strings in
      (0..<strings.count).allSatisfy { index in
        strings[index].first.map { $0 & 0xc0 != 0x80 } ?? true
      }
    }
  }

  package mutating func removeLast() {
    ends.removeLast()
    bytes.removeLast(bytes.count - (ends.last ?? 0))
  }
}

extension ByteStrings: ExpressibleByArrayLiteral {
  package init(arrayLiteral strings: [UInt8]...) { self.init(strings) }
}

/// The strings of `ByteStrings`, valid while those are not changed.
package struct UnsafeByteStrings {
  package let bytes: UnsafeRawBufferPointer
  /// Where each string ends in `bytes`.
  package let ends: UnsafeBufferPointer<Int>

  package init(bytes: UnsafeRawBufferPointer, ends: UnsafeBufferPointer<Int>) {
    self.bytes = bytes
    self.ends = ends
  }

  @inlinable package var count: Int { ends.count }

  @inlinable @inline(__always) package subscript(index: Int) -> UnsafeRawBufferPointer {
    let start = index == 0 ? 0 : ends[index - 1]
    return UnsafeRawBufferPointer(
      start: bytes.baseAddress.map { $0 + start }, count: ends[index] - start)
  }
}
