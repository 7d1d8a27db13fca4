import Glibc
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
  private let origin: Origin

  private enum Origin {
    case allocated
    /// Whole pages from the kernel.
    case mapped(byteCount: Int)
    case part(of: AlignedBuffer)
  }

  /// From here on memory comes as whole pages from the kernel: it becomes resident as it is written,
  /// by whichever thread does that, and goes back at once when the buffer is freed.
  private static let leastMappedBytes = 1 << 20

  /// - Parameter byteCount: bytes wanted; the memory extends to the next multiple of 64.
  package init(byteCount: Int) {
    precondition(byteCount >= 0, "negative buffer of \(byteCount) bytes")
    self.byteCount = byteCount
    AlignedBuffer.allocations.add(1, ordering: .relaxed)
    let padded = (max(byteCount, 1) + 63) & ~63
    if padded >= Self.leastMappedBytes, let pages = Self.map(padded, flags: 0) {
      base = pages
      origin = .mapped(byteCount: padded)
    } else {
      base = UnsafeMutableRawPointer.allocate(byteCount: padded, alignment: 64)
      base.initializeMemory(as: UInt8.self, repeating: 0, count: padded)
      origin = .allocated
    }
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
    origin = .part(of: owner)
  }

  /// Memory for what stays: pages that become resident as they are written; nil when there is no
  /// room.
  ///
  /// - Parameter byteCount: bytes wanted, more than 0
  package init?(mapping byteCount: Int) {
    precondition(byteCount > 0, "mapping \(byteCount) bytes")
    guard let address = Self.map(byteCount, flags: MAP_NORESERVE) else { return nil }
    AlignedBuffer.allocations.add(1, ordering: .relaxed)
    base = address
    self.byteCount = byteCount
    origin = .mapped(byteCount: byteCount)
  }

  /// Pages of zeros, nil when there is no room.
  private static func map(_ byteCount: Int, flags: Int32) -> UnsafeMutableRawPointer? {
    let address = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)
    return address == MAP_FAILED ? nil : address
  }

  /// Asks the kernel for the pages of bytes that are about to be written, all at once; where it does
  /// not know how (before Linux 5.14), they come one by one.
  package func makeResident(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    // The heap's memory is written when it is made.
    if case .allocated = origin { return }
    let bytes = range.clamped(to: 0..<byteCount)
    let start = (Int(bitPattern: base) + bytes.lowerBound) / page * page
    let end = (Int(bitPattern: base) + bytes.upperBound + page - 1) / page * page
    guard !bytes.isEmpty else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: start), end - start, populateForWriting)
  }

  deinit {
    switch origin {
    case .allocated: base.deallocate()
    case .mapped(let byteCount): munmap(base, byteCount)
    case .part: break
    }
  }

  package func pointer<Element>(_ type: Element.Type) -> UnsafeMutablePointer<Element> {
    base.assumingMemoryBound(to: type)
  }
}

/// `MADV_POPULATE_WRITE` of Linux 5.14, which older headers lack.
private let populateForWriting: Int32 = 23
