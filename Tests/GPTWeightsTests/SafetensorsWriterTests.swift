import GPTTensor
import GPTWeights
import Testing

@Suite struct SafetensorsWriterTests {
  /// Awkward values: signed zeros, subnormals, infinities, NaN, ties of both half formats.
  static let values: [Float] = [
    0, -0.0, 1, -1.5, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, 0x1p-24, 65504, 65519.9,
    65520, 3.4e38, 0x1.01p0, 0x1.03p0, 0x1.002p0, 0x1.006p0, 0x1.8p-25,
  ]

  private func tensor(_ name: String, _ dtype: DType, rows: Int, columns: Int) -> TensorToWrite {
    TensorToWrite(name: name, dtype: dtype, shape: [rows, columns]) { row, target in
      for column in 0..<columns {
        target[column] = Self.values[(row * columns + column) % Self.values.count]
      }
    }
  }

  @Test func fp32ReadsBackBitEqualInTheGivenOrder() throws {
    let folder = TemporaryFolder()
    let path = folder.write("w.safetensors", [])
    let vector = TensorToWrite(name: "a", dtype: .f32, shape: [3]) { _, target in
      for index in 0..<3 { target[index] = Float(index) }
    }
    try writeSafetensors(
      [tensor("z", .f32, rows: 5, columns: 7), vector], metadata: ["step": "17"], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.tensorNames == ["z", "a"])
    #expect(file.metadata == ["format": "pt", "step": "17"])
    let expected = (0..<35).map { Self.values[$0 % Self.values.count].bitPattern }
    #expect(
      try file.required("z", shape: [5, 7]).dequantised().map(\.bitPattern) == expected)
    #expect(try file.required("a", shape: [3]).dequantised() == [0, 1, 2])
  }

  /// Patterns that PyTorch 2.13 gives: `torch.tensor(values).to(torch.bfloat16)`, NaN's as ours.
  @Test func bf16RoundsLikePyTorch() throws {
    #expect(
      try patterns(.bf16) == [
        0x0000, 0x8000, 0x3f80, 0xbfc0, 0x7f80, 0xff80, 0x7fc0, 0x0000, 0x3380, 0x4780, 0x4780,
        0x4780, 0x7f80, 0x3f80, 0x3f82, 0x3f80, 0x3f80, 0x3340,
      ])
  }

  /// Patterns that PyTorch 2.13 gives: `torch.tensor(values).to(torch.float16)`.
  @Test func f16RoundsLikePyTorch() throws {
    #expect(
      try patterns(.f16) == [
        0x0000, 0x8000, 0x3c00, 0xbe00, 0x7c00, 0xfc00, 0x7e00, 0x0000, 0x0001, 0x7bff, 0x7bff,
        0x7c00, 0x7c00, 0x3c04, 0x3c0c, 0x3c00, 0x3c02, 0x0001,
      ])
  }

  private func patterns(_ dtype: DType) throws -> [UInt16] {
    let folder = TemporaryFolder()
    let path = folder.write("w.safetensors", [])
    try writeSafetensors([tensor("w", dtype, rows: 1, columns: Self.values.count)], to: path)
    let tensor = try SafetensorsFile(path: path).required("w")
    return withExtendedLifetime(tensor.file) {
      (0..<Self.values.count).map {
        tensor.bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)
      }
    }
  }

  @Test(arguments: ["", "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg"])
  func dataBeginsOnAMultipleOfEight(suffix: String) throws {
    let folder = TemporaryFolder()
    let path = folder.write("w.safetensors", [])
    try writeSafetensors([tensor("w" + suffix, .f32, rows: 1, columns: 1)], to: path)
    let bytes = try readSmallFile(path: path, limit: 1 << 16)
    #expect((bytes.count - 4) % 8 == 0)
    #expect(try SafetensorsFile(path: path).required("w" + suffix).dequantised() == [0])
  }

  @Test func noTensorsAreAFileToo() throws {
    let folder = TemporaryFolder()
    let path = folder.write("w.safetensors", [])
    try writeSafetensors([], to: path)
    #expect(try SafetensorsFile(path: path).tensorNames.isEmpty)
  }

  @Test func aFolderThatIsNotThereIsNamed() {
    let path = "/tmp/gpt-no-such-folder/w.safetensors"
    #expect(
      message { try writeSafetensors([], to: path) }
        == "\(path): cannot write it: No such file or directory")
  }
}
