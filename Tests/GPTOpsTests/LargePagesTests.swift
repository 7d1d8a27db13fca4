import CKernels
import Foundation
import GPTOps
import GPTTensor
import TestSupport
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

  private static func withFile(
    byteCount: Int, _ body: (MappedFile, _ contents: [UInt8]) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let contents = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 12) }
      let path = folder + "/data.bin"
      try Data(contents).write(to: URL(fileURLWithPath: path))
      try body(MappedFile(path: path), contents)
    }
  }

  /// What is handed back of a file's own page is read again; of a page in its place it would be lost.
  @Test func aFilesPageThatMovedIsNotHandedBack() throws {
    let size = Int(GPT_LARGE_PAGE)
    try Self.withFile(byteCount: 3 * size) { file, contents in
      let start = UInt(bitPattern: file.bytes.baseAddress)
      let page = (start + UInt(size) - 1) / UInt(size) * UInt(size)
      file.pin()
      _ = gpt_move_to_large_page(UnsafeMutableRawPointer(bitPattern: page))
      file.release(0..<file.bytes.count)
      #expect(file.bytes.elementsEqual(contents))
    }
  }

  @Test func aFileIsReadTheSameWhileItMoves() throws {
    try Self.withFile(byteCount: 9 << 20) { file, contents in
      moveToLargePages([StillMemory(file.bytes, of: file)])
      for _ in 0..<20 { #expect(file.bytes.elementsEqual(contents)) }
    }
  }
}
