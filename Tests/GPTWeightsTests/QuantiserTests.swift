import GPTJSON
import GPTTensor
import GPTWeights
import Testing

/// Golden values: tools/golden_quantisers.py (PyPI gguf; ggml for the K types).
@Suite struct QuantiserTests {
  static let legacyTypes: [DType] = [.q8_0, .q4_0, .q4_1, .q5_0, .q5_1]
  static let kTypes: [DType] = [.q4K, .q6K]
  private static let columns = 256

  @Test(arguments: legacyTypes)
  func blocksEqualTheReference(dtype: DType) throws {
    let expected = try readSmallFile(
      path: Self.folder + "/\(dtype.rawValue).bin", limit: 1 << 20)
    let folder = TemporaryFolder()
    let found = try Self.quantised(dtype, rows: try Self.inputs(), in: folder).copiedBytes
    try #require(found.count == expected.count)
    let wrong = zip(found, expected).enumerated().filter { $0.element.0 != $0.element.1 }
    let place = wrong.first.map { ($0.offset / dtype.blockBytes, $0.offset % dtype.blockBytes) }
    #expect(
      wrong.isEmpty,
      "\(wrong.count) bytes, the first in block and byte \(String(describing: place))")
  }

  @Test(arguments: kTypes)
  func squaredErrorsAreNoLargerThanTheReference(dtype: DType) throws {
    let inputs = try Self.inputs()
    let folder = TemporaryFolder()
    let found = try Self.quantised(dtype, rows: inputs, in: folder).dequantised()
    var start = 0
    for group in try Self.groups(dtype) {
      let range = start * Self.columns..<(start + group.rows) * Self.columns
      let error = range.reduce(0.0) { sum, index in
        let difference = Double(found[index]) - Double(inputs[index])
        return sum + difference * difference
      }
      #expect(
        error <= group.error,
        "\(dtype.rawValue), \(group.name): \(error), \(error / group.error) of the reference")
      start += group.rows
    }
    #expect(start * Self.columns == inputs.count)
  }

  /// Inputs that no reference defines: what matters is that nothing traps and zeros stay zeros.
  @Test(arguments: legacyTypes + kTypes)
  func theSmallestNumbersAreStoredAsNearlyZero(dtype: DType) throws {
    let folder = TemporaryFolder()
    let inputs = (0..<Self.columns).map { Float.leastNonzeroMagnitude * Float($0 % 5 - 2) }
    let found = try Self.quantised(dtype, rows: inputs, in: folder).dequantised()
    #expect(found.allSatisfy { $0.magnitude < 1e-6 })
  }

  @Test(arguments: legacyTypes + kTypes, [Float.infinity, .nan, 65536, -1e30])
  func numbersThatNoScaleHoldsAreErrors(dtype: DType, value: Float) {
    let folder = TemporaryFolder()
    var inputs = [Float](repeating: 0.5, count: 3 * Self.columns)
    inputs[Self.columns + 7] = value
    #expect {
      _ = try Self.quantised(dtype, rows: inputs, in: folder)
    } throws: { error in
      "\(error)"
        == "w.gguf: tensor 'w' has a number in row 1 that \(dtype.rawValue) cannot hold, "
        + "expected at most 65504"
    }
  }

  private static let folder: String = {
    let here = "\(#filePath)".split(separator: "/").dropLast(2).joined(separator: "/")
    return "/" + here + "/Fixtures/quantisers"
  }()

  private static func inputs() throws -> [Float] {
    let bytes = try readSmallFile(path: folder + "/inputs.bin", limit: 1 << 20)
    return bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
  }

  private static func groups(
    _ dtype: DType
  ) throws -> [(name: String, rows: Int, error: Double)] {
    let text = try readSmallFile(path: folder + "/golden.json", limit: 1 << 20)
    let json = try text.withUnsafeBytes { try JSONParser.parse($0) }
    let errors = (json["squaredErrors"]?[dtype.rawValue]?.array ?? []).compactMap(\.double)
    let groups = try #require(json["groups"]?.array)
    try #require(groups.count == errors.count)
    return zip(groups, errors).map { group, error in
      (group["name"]?.string ?? "", group["rows"]?.integer ?? 0, error)
    }
  }

  private static func quantised(
    _ dtype: DType, rows: [Float], in folder: TemporaryFolder
  ) throws -> StoredTensor {
    let path = folder.write("w.gguf", [])
    let tensor = TensorToWrite(
      name: "w", dtype: dtype, shape: [rows.count / columns, columns]
    ) { row, target in
      for column in 0..<columns { target[column] = rows[row * columns + column] }
    }
    try writeGGUF([tensor], metadata: [], to: path)
    return try GGUFFile(path: path).required("w")
  }
}
