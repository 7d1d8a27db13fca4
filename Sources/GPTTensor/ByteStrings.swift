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

  package mutating func append(_ string: some Collection<UInt8>) {
    bytes.append(contentsOf: string)
    ends.append(bytes.count)
  }

  package mutating func append(_ string: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: string)
    ends.append(bytes.count)
  }

  /// Appends one string of two parts.
  package mutating func append(_ first: some Collection<UInt8>, _ second: some Collection<UInt8>) {
    bytes.append(contentsOf: first)
    append(second)
  }

  package mutating func removeLast() {
    ends.removeLast()
    bytes.removeLast(bytes.count - (ends.last ?? 0))
  }
}

extension ByteStrings: ExpressibleByArrayLiteral {
  package init(arrayLiteral strings: [UInt8]...) { self.init(strings) }
}
