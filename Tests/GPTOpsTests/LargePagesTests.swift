import CKernels
import GPTOps
import GPTTensor
import Testing

@Suite struct LargePagesTests {
  private static func filled(byteCount: Int) throws -> AlignedBuffer {
    let buffer = try #require(AlignedBuffer(mapping: byteCount))
    let words = buffer.pointer(UInt32.self)
    for index in 0..<byteCount / 4 {
      words[index] = UInt32(truncatingIfNeeded: index &* 2_654_435_761)
    }
    return buffer
  }

  private static func isIntact(_ buffer: AlignedBuffer) -> Bool {
    let words = buffer.pointer(UInt32.self)
    return (0..<buffer.byteCount / 4).allSatisfy {
      words[$0] == UInt32(truncatingIfNeeded: $0 &* 2_654_435_761)
    }
  }

  @Test func aMovedPageHoldsTheSameBytes() throws {
    let size = Int(GPT_LARGE_PAGE)
    let buffer = try Self.filled(byteCount: 3 * size)
    let page = (UInt(bitPattern: buffer.base) + UInt(size) - 1) / UInt(size) * UInt(size)
    // Kernels without large pages leave it where it is.
    _ = gpt_move_to_large_page(UnsafeMutableRawPointer(bitPattern: page))
    #expect(Self.isIntact(buffer))
  }

  @Test(arguments: [4096, 5 << 20, 16 << 20])
  func readersSeeTheSameBytesThroughout(byteCount: Int) throws {
    let buffer = try Self.filled(byteCount: byteCount)
    moveToLargePages([StillMemory(buffer)])
    for _ in 0..<20 { #expect(Self.isIntact(buffer)) }
  }
}
