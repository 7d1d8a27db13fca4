import Synchronization

/// Owned memory on a 64-byte boundary, zeroed, freed with the object.
///
/// Sharing between threads is the owner's contract: readers may run together, a writer alone.
package final class AlignedBuffer: @unchecked Sendable {
  /// Buffers made by this process so far: training must not make any after its first step.
  package static var allocationCount: Int { allocations.load(ordering: .relaxed) }
  private static let allocations = Atomic<Int>(0)

  package let base: UnsafeMutableRawPointer
  package let byteCount: Int
  /// Whose memory this is a part of; nil: it has its own.
  private let owner: AlignedBuffer?

  /// - Parameter byteCount: bytes wanted; the memory extends to the next multiple of 64.
  package init(byteCount: Int) {
    precondition(byteCount >= 0, "negative buffer of \(byteCount) bytes")
    self.byteCount = byteCount
    owner = nil
    AlignedBuffer.allocations.add(1, ordering: .relaxed)
    let padded = (max(byteCount, 1) + 63) & ~63
    base = UnsafeMutableRawPointer.allocate(byteCount: padded, alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: padded)
  }

  /// A part of another buffer, with what it holds; the buffer lives as long as its parts.
  ///
  /// - Parameter offset: a multiple of 64
  package init(of owner: AlignedBuffer, at offset: Int, byteCount: Int) {
    precondition(
      offset >= 0 && offset % 64 == 0 && byteCount >= 0 && offset + byteCount <= owner.byteCount,
      "\(byteCount) bytes at \(offset) of \(owner.byteCount)")
    base = owner.base + offset
    self.byteCount = byteCount
    self.owner = owner
  }

  deinit { if owner == nil { base.deallocate() } }

  package func pointer<Element>(_ type: Element.Type) -> UnsafeMutablePointer<Element> {
    base.assumingMemoryBound(to: type)
  }
}
