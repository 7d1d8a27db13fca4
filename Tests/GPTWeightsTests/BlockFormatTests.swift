import GPTTensor
import GPTWeights
import Testing

/// Golden values: Tests/Fixtures/quant/make.py (PyPI gguf 0.19.0).
@Suite struct BlockFormatTests {
  static let blockTypes = DType.allCases.filter { $0.blockLength > 1 }

  @Test(arguments: DType.allCases)
  func dequantisesBitEqualToTheReference(dtype: DType) throws {
    let tensor = try Self.tensor(dtype)
    let expected = try MappedFile(path: Self.folder + "/\(dtype.rawValue).floats")
    let found = tensor.dequantised()
    try #require(found.count * 4 == expected.bytes.count)
    for (index, value) in found.enumerated() {
      let golden = Float(
        bitPattern: expected.bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
      let equal = value.bitPattern == golden.bitPattern || value.isNaN && golden.isNaN
      guard equal else {
        Issue.record("\(dtype.rawValue), element \(index): \(value), expected \(golden)")
        return
      }
    }
  }

  @Test(arguments: blockTypes)
  func codesScalesAndMinimumsGiveTheElements(dtype: DType) throws {
    let format = try #require(blockFormat(of: dtype))
    let tensor = try Self.tensor(dtype)
    let count = tensor.elementCount / dtype.blockLength
    var codes = [UInt8](repeating: 0xff, count: tensor.elementCount)
    var scales = [Float](repeating: .nan, count: tensor.elementCount / format.subBlockLength)
    var minimums = scales
    let base = try #require(tensor.bytes.baseAddress)
    format.decode(
      blocks: base, count: count, codes: &codes, scales: &scales, minimums: &minimums)

    #expect(codes.allSatisfy { Int($0) < 1 << format.codeBits })
    #expect(format.hasMinimum || minimums.allSatisfy { $0 == 0 && $0.sign == .minus })
    let elements = tensor.dequantised()
    for (index, code) in codes.enumerated() {
      let subBlock = index / format.subBlockLength
      let value = scales[subBlock] * Float(Int(code) - format.zero) + minimums[subBlock]
      let equal = value.bitPattern == elements[index].bitPattern
      guard equal || value.isNaN && elements[index].isNaN else {
        Issue.record("\(dtype.rawValue), element \(index): \(value), \(elements[index])")
        return
      }
    }
  }

  @Test(arguments: blockTypes)
  func formatsAgreeWithTheirTypeOnSizes(dtype: DType) throws {
    let format = try #require(blockFormat(of: dtype))
    #expect(format.dtype == dtype)
    #expect(dtype.blockLength % format.subBlockLength == 0)
    #expect(format.zero < 1 << format.codeBits)
  }

  @Test func floatTypesHaveNoBlockFormat() {
    for dtype in [DType.f32, .f16, .bf16] { #expect(blockFormat(of: dtype) == nil) }
  }

  @Test func everyHalfPrecisionPatternConvertsExactly() throws {
    let folder = TemporaryFolder()
    let path = folder.write("all", (0...UInt16.max).flatMap(\.bytes))
    let file = try MappedFile(path: path)
    let tensor = StoredTensor(
      name: "all", dtype: .f16, shape: [65536], bytes: file.bytes, file: file, location: "all")
    let wrong = tensor.dequantised().enumerated().filter { index, value in
      let expected = Float(Float16(bitPattern: UInt16(index)))
      return value.bitPattern != expected.bitPattern && !(value.isNaN && expected.isNaN)
    }
    #expect(wrong.isEmpty)
  }

  @Test func rowsGoToTheirStride() throws {
    let tensor = try Self.tensor(.q4K, columns: 512)
    let all = tensor.dequantised()
    var target = [Float](repeating: 7, count: 3 * 600)
    tensor.dequantise(rows: 2..<5, into: &target, rowStride: 600)
    for row in 0..<3 {
      let found = target[row * 600..<row * 600 + 512].map(\.bitPattern)
      #expect(found == all[(row + 2) * 512..<(row + 3) * 512].map(\.bitPattern))
      #expect(target[row * 600 + 512..<(row + 1) * 600].allSatisfy { $0 == 7 })
    }
  }

  @Test(arguments: [DType.q4K, .q8_0, .q6K])
  func aRowThatIsLookedUpIsThatOfTheWhole(_ dtype: DType) throws {
    let tensor = try Self.tensor(dtype, columns: 512)
    let all = tensor.dequantised()
    for row in [0, tensor.rowCount / 2, tensor.rowCount - 1] {
      var found = [Float](repeating: 7, count: 513)
      tensor.dequantise(row: row, into: &found)
      #expect(found[..<512].map(\.bitPattern) == all[row * 512..<(row + 1) * 512].map(\.bitPattern))
      #expect(found[512] == 7)
    }
  }

  @Test func dataAtAnOddAddressIsRead() throws {
    let aligned = try Self.tensor(.q6K)
    let folder = TemporaryFolder()
    let file = try MappedFile(path: folder.write("odd", [0] + Array(aligned.bytes)))
    let odd = StoredTensor(
      name: "odd", dtype: .q6K, shape: aligned.shape,
      bytes: UnsafeRawBufferPointer(rebasing: file.bytes[1...]), file: file, location: "odd")
    #expect(odd.dequantised().map(\.bitPattern) == aligned.dequantised().map(\.bitPattern))
  }

  private static let folder: String = {
    let here = "\(#filePath)".split(separator: "/").dropLast(2).joined(separator: "/")
    return "/" + here + "/Fixtures/quant"
  }()

  private static func tensor(_ dtype: DType, columns: Int? = nil) throws -> StoredTensor {
    let file = try MappedFile(path: folder + "/\(dtype.rawValue).blocks")
    let elements = file.bytes.count / dtype.blockBytes * dtype.blockLength
    let width = columns ?? dtype.blockLength
    return StoredTensor(
      name: "blocks", dtype: dtype, shape: [elements / width, width], bytes: file.bytes,
      file: file, location: file.name)
  }
}
