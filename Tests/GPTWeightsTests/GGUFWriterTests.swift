import GPTTensor
import GPTWeights
import Testing

@Suite struct GGUFWriterTests {
  @Test func metadataOfEveryTypeReadsBack() throws {
    let folder = TemporaryFolder()
    let path = folder.write("w.gguf", [])
    let metadata: [(key: String, value: GGUFMetadata)] = [
      ("u8", .uint8(200)), ("i8", .int8(-3)), ("u16", .uint16(60_000)), ("i16", .int16(-30_000)),
      ("u32", .uint32(4_000_000_000)), ("i32", .int32(-2_000_000_000)),
      ("u64", .uint64(.max)), ("i64", .int64(.min)), ("f32", .float32(0.1)),
      ("f64", .float64(0.1)), ("yes", .boolean(true)), ("no", .boolean(false)),
      ("text", .string("é\n")), ("empty", .string("")),
      ("words", .strings([Array("a".utf8), [], [0xff, 0x00]])), ("none", .strings([])),
      ("counts", .int32s([-1, 7])), ("scores", .float32s([0.25, -.infinity])),
    ]
    try writeGGUF([], metadata: metadata, to: path)
    let file = try GGUFFile(path: path)
    #expect(file.version == 3)
    #expect(file.keys == metadata.map(\.key))
    #expect(file.value("u8") == .integer(200) && file.value("i8") == .integer(-3))
    #expect(file.value("u16") == .integer(60_000) && file.value("i16") == .integer(-30_000))
    #expect(file.value("u32") == .integer(4_000_000_000))
    #expect(file.value("i32") == .integer(-2_000_000_000))
    #expect(file.value("u64") == .large(.max) && file.value("i64") == .integer(.min))
    #expect(file.value("f32") == .number(Double(Float(0.1))))
    #expect(file.value("f64") == .number(0.1))
    #expect(file.value("yes") == .boolean(true) && file.value("no") == .boolean(false))
    #expect(file.value("text") == .string("é\n") && file.value("empty") == .string(""))
    #expect(try file.byteStrings("words") == [Array("a".utf8), [], [0xff, 0x00]])
    #expect(try file.byteStrings("none") == [])
    #expect(try file.integers("counts") == [-1, 7])
    #expect(try file.floats("scores") == [0.25, -.infinity])

    let copy = folder.write("copy.gguf", [])
    let raw = file.keys.compactMap { key in file.rawValue(key).map { (key: key, value: $0) } }
    try writeGGUF([], metadata: raw, to: copy)
    #expect(
      try readSmallFile(path: path, limit: 1 << 20) == readSmallFile(path: copy, limit: 1 << 20))
  }

  /// Shapes of odd sizes, whose data needs padding; more rows than a chunk of four megabytes has.
  @Test(arguments: [[1], [3], [5, 7], [2, 3, 5], [1, 2, 1, 9], [9000, 129]])
  func tensorsReadBackBitEqual(shape: [Int]) throws {
    let folder = TemporaryFolder()
    let path = folder.write("w.gguf", [])
    let tensors = ["a", "b"].map { name in Self.tensor(name, .f32, shape) }
    try writeGGUF(tensors, metadata: [], to: path)
    let file = try GGUFFile(path: path)
    #expect(file.tensorNames == ["a", "b"])
    let count = shape.reduce(1, *)
    for name in file.tensorNames {
      let found = try file.required(name, shape: shape).dequantised()
      #expect(found.count == count)
      #expect(found.enumerated().allSatisfy { $0.element == Self.value($0.offset) })
    }
  }

  @Test(arguments: [DType.f32, .f16, .bf16, .q8_0, .q4_0, .q4K, .q6K])
  func twoThreadsWriteTheBytesOfOne(dtype: DType) throws {
    let folder = TemporaryFolder()
    let files = try [1, 2].map { threads in
      let path = folder.write("\(threads).gguf", [])
      try writeGGUF(
        [Self.tensor("w", dtype, [301, 256])], metadata: [], to: path,
        pool: ThreadPool(threadCount: threads))
      return try readSmallFile(path: path, limit: 1 << 20)
    }
    #expect(files[0] == files[1])
  }

  @Test func encodedRowsAreCopied() throws {
    let folder = TemporaryFolder()
    let first = folder.write("first.gguf", [])
    try writeGGUF([Self.tensor("w", .q4K, [5, 256])], metadata: [], to: first)
    let stored = try GGUFFile(path: first).required("w")
    var copy = TensorToWrite(name: "w", dtype: .q4K, shape: [5, 256]) { _, _ in
      Issue.record("a row was made anew")
    }
    let base = try #require(stored.bytes.baseAddress)
    copy.encodedRow = { base + ($0 + 2) % 5 * stored.rowBytes }
    let second = folder.write("second.gguf", [])
    try writeGGUF([copy], metadata: [], to: second)
    let rows = stored.rowBytes
    let bytes = stored.copiedBytes
    let expected = Array(bytes[(2 * rows)...] + bytes[..<(2 * rows)])
    #expect(try GGUFFile(path: second).required("w").copiedBytes == expected)
  }

  @Test func aStoppedWritingLeavesTheOldFile() throws {
    let folder = TemporaryFolder()
    let path = folder.write("w.gguf", [1, 2, 3])
    var told: [Int] = []
    let isWhole = try writeGGUF(
      [Self.tensor("a", .f32, [4]), Self.tensor("b", .f32, [4])], metadata: [], to: path
    ) { bytes in
      told.append(bytes)
      return false
    }
    #expect(!isWhole && told == [16])
    #expect(try readSmallFile(path: path, limit: 8) == [1, 2, 3])
    #expect(try folderEntries(path: folder.path) == ["w.gguf"])
  }

  @Test func numbersThatAHalfCannotHoldAreErrorsOnDemand() throws {
    let folder = TemporaryFolder()
    let path = folder.write("w.gguf", [])
    var tensor = TensorToWrite(name: "w", dtype: .f16, shape: [2, 1]) { row, target in
      target[0] = row == 0 ? .infinity : 65520
    }
    try writeGGUF([tensor], metadata: [], to: path)
    tensor.refusesOverflow = true
    #expect(throws: WeightsError.self) { try writeGGUF([tensor], metadata: [], to: path) }
  }

  private static func tensor(_ name: String, _ dtype: DType, _ shape: [Int]) -> TensorToWrite {
    TensorToWrite(name: name, dtype: dtype, shape: shape) { row, target in
      let columns = shape.last ?? 1
      for column in 0..<columns { target[column] = value(row * columns + column) }
    }
  }

  private static func value(_ index: Int) -> Float { Float(index * 7919 % 1009 - 500) / 256 }
}
