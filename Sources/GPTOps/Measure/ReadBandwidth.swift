import CKernels
import GPTTensor
import Glibc

/// Memory that is read over and over to see how fast that goes: more than the caches hold.
package struct ReadBandwidth: ~Copyable {
  private static let chunkFloats = 1 << 20
  /// Four times the last level cache, as some of it may stay from one pass to the next.
  private static let leastBytes = 256 << 20
  private static let mostBytes = 1 << 30

  private let buffer: AlignedBuffer

  package init() { self.init(byteCount: Self.byteCount) }

  /// - Parameter byteCount: rounded up to whole chunks of 4 MB
  package init(byteCount: Int) {
    let chunks = max(1, (byteCount + Self.chunkFloats * 4 - 1) / (Self.chunkFloats * 4))
    buffer = AlignedBuffer(byteCount: chunks * Self.chunkFloats * 4)
    // Pages that were never written are all one page of zeros, which stays in a cache.
    buffer.pointer(Float.self).update(repeating: 1, count: chunks * Self.chunkFloats)
  }

  /// What is read.
  package var memory: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: buffer.base, count: buffer.byteCount)
  }

  private static var byteCount: Int {
    let cache = max(0, sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)))
    return min(max(leastBytes, 4 * cache), mostBytes)
  }

  /// Bytes a second that the threads of the context read together: the best of a few passes.
  package func measure(in context: ComputeContext) -> Double {
    let base = buffer.pointer(Float.self)
    let kernels = context.kernels
    let seconds = shortestTime(of: 5) {
      context.pool.run(buffer.byteCount / (Self.chunkFloats * 4)) { chunk, _ in
        _ = kernels.pointee.sum(base + chunk * Self.chunkFloats, Self.chunkFloats)
      }
    }
    return Double(buffer.byteCount) / seconds
  }
}
