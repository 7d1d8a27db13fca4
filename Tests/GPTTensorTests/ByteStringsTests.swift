import GPTTensor
import Testing

@Suite struct ByteStringsTests {
  @Test func stringsComeBackAsTheyWereAppended() {
    var strings: ByteStrings = [[1, 2], [], [3]]
    strings.append([4, 5, 6])
    [UInt8]([7]).withUnsafeBytes { first in
      [UInt8]([8, 9]).withUnsafeBytes { strings.append(first, $0) }
    }
    let expected: [[UInt8]] = [[1, 2], [], [3], [4, 5, 6], [7, 8, 9]]
    #expect(strings.map(Array.init) == expected && strings == ByteStrings(expected))
    #expect(strings.withUnsafeStrings { all in (0..<all.count).map { Array(all[$0]) } } == expected)
  }

  @Test func removingTheLastLeavesTheOthers() {
    var strings: ByteStrings = [[1, 2], [3], []]
    strings.removeLast()
    strings.removeLast()
    strings.append([9])
    #expect(strings == [[1, 2], [9]])
    strings.removeLast()
    strings.removeLast()
    #expect(strings.isEmpty && strings.bytes.isEmpty)
  }
}

extension ByteStringsTests {
  @Test(
    arguments: [
      ([[], [0x61], [0xc3, 0xa9], [0xf0, 0x9f, 0x99, 0x82]], true), ([], true),
      ([[0x61], [0xff]], false), ([[0xc3], [0xa9]], false),
      ([[0x61, 0xc3], [0xa9, 0x62]], false),
      ([[0xc3]], false),
    ] as [([[UInt8]], Bool)])
  func stringsAreUTF8IfEachOfThemIs(strings: [[UInt8]], expected: Bool) {
    #expect(ByteStrings(strings).areUTF8 == expected)
    let each = strings.allSatisfy { String(validating: $0, as: UTF8.self) != nil }
    #expect(each == expected)
  }
}

@Suite struct AlignedBufferTests {
  @Test(arguments: [1, 100, 1 << 20, (1 << 20) + 1, 5_000_000])
  func buffersAreZeroAndKeepWhatTheyHold(byteCount: Int) {
    let buffer = AlignedBuffer(byteCount: byteCount)
    let bytes = UnsafeMutableRawBufferPointer(start: buffer.base, count: byteCount)
    #expect(Int(bitPattern: buffer.base) % 64 == 0)
    #expect(bytes.allSatisfy { $0 == 0 })
    bytes[0] = 1
    bytes[byteCount - 1] = 2
    for range in [0..<byteCount, byteCount / 2..<byteCount, 0..<0, 0..<byteCount + 100] {
      buffer.makeResident(range)
    }
    #expect(bytes[byteCount - 1] == 2)
    #expect(bytes.reduce(0) { $0 + Int($1) } == (byteCount == 1 ? 2 : 3))
  }
}

@Suite struct BufferRegionTests {
  @Test(arguments: [1, 4096, 1 << 20])
  func buffersAreZeroAndApart(pieceBytes: Int) {
    let region = BufferRegion(pieceBytes: pieceBytes)
    let buffers = [1, 64, 65, 0, 5000].map { region.buffer(byteCount: $0) }
    for (index, buffer) in buffers.enumerated() {
      #expect(Int(bitPattern: buffer.base) % 64 == 0)
      let bytes = UnsafeMutableRawBufferPointer(start: buffer.base, count: buffer.byteCount)
      #expect(bytes.allSatisfy { $0 == 0 }, "buffer \(index) of pieces of \(pieceBytes)")
      bytes.initializeMemory(as: UInt8.self, repeating: 0xff)
    }
  }

  @Test func aBufferOutlivesItsRegion() {
    var region: BufferRegion? = BufferRegion(pieceBytes: 1 << 16)
    let buffer = region?.buffer(byteCount: 100)
    region = nil
    buffer?.pointer(UInt8.self)[99] = 7
    #expect(buffer?.pointer(UInt8.self)[99] == 7)
  }
}
