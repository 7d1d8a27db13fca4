import GPTModel
import GPTOps
import GPTTensor
import GPTWeights
import TestSupport
import Testing

/// Matrices that are packed in many small pieces hold the rows that they should.
@Suite struct WeightPackerTests {
  /// Rows of a tensor, more of them than outputs: the others stand before and behind.
  struct Case: Sendable, CustomTestStringConvertible {
    var headWidth: Int?
    var first: Int
    var outputs: Int
    var testDescription: String { "width \(headWidth ?? 0), \(outputs) outputs from \(first)" }
  }

  static let cases = [
    Case(headWidth: nil, first: 0, outputs: 1), Case(headWidth: nil, first: 0, outputs: 40),
    Case(headWidth: nil, first: 48, outputs: 100), Case(headWidth: nil, first: 5, outputs: 33),
    Case(headWidth: 16, first: 0, outputs: 64), Case(headWidth: 2, first: 0, outputs: 34),
    Case(headWidth: 24, first: 0, outputs: 120), Case(headWidth: 80, first: 0, outputs: 240),
    Case(headWidth: 64, first: 64, outputs: 192),
  ]

  @Test(arguments: cases, [DType.q8_0, .q4_0, .q5_0, .f16, .bf16])
  func everyOutputIsTheRowThatBelongsThere(_ rows: Case, type: DType) throws {
    let tensor = try Self.tensor(type, rows: rows.first + rows.outputs + 3, columns: 64)
    let stored = tensor.dequantised()
    let selection = RowSelection(
      first: rows.first, count: rows.outputs, interleavedHeadWidth: rows.headWidth)
    for (threads, pieceBytes) in [(1, 1), (2, 1), (2, 4000), (2, 1 << 20)] {
      let context = try ComputeContext(threadCount: threads, precision: .fp32)
      let packer = WeightPacker(
        context: context, keepsBlocks: false, region: BufferRegion(pieceBytes: 1 << 16),
        pieceBytes: pieceBytes)
      let matrix = packer.pack(tensor, rows: selection)
      var others = 0
      packer.run(beside: { others += 1 })
      #expect(others == 1)
      let found = Self.rows(of: matrix, in: context)
      for output in 0..<rows.outputs {
        let row = Self.storedRow(output, rows)
        #expect(
          largestDifference(found[output], Array(stored[row * 64..<(row + 1) * 64])) < 1e-6,
          "output \(output), pieces of \(pieceBytes)")
      }
    }
  }

  /// llama.cpp's order of the rows of a head, 0, D/2, 1, D/2 + 1, …, undone by looking for the row.
  private static func storedRow(_ output: Int, _ rows: Case) -> Int {
    guard let width = rows.headWidth else { return rows.first + output }
    let order = (0..<width).map { $0 / 2 + $0 % 2 * (width / 2) }
    let place = order.firstIndex(of: output % width) ?? -1
    return rows.first + output / width * width + place
  }

  /// Random numbers, encoded.
  private static func tensor(_ type: DType, rows: Int, columns: Int) throws -> StoredTensor {
    var random = TestRandom(seed: UInt64(rows))
    let blocks = rows * columns / type.blockLength
    var bytes = (0..<blocks * type.blockBytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for start in stride(from: 0, to: bytes.count, by: type.blockBytes) {
      // The only fraction of a block, or the whole number: of a size that keeps its digits.
      let value = random.float()
      let pattern =
        type == .bf16
        ? UInt16(truncatingIfNeeded: value.bitPattern >> 16) : Float16(value).bitPattern
      bytes[start] = UInt8(truncatingIfNeeded: pattern)
      bytes[start + 1] = UInt8(pattern >> 8)
    }
    let placed = try PlacedBytes(bytes, at: .odd)
    return StoredTensor(
      name: "w", dtype: type, shape: [rows, columns], bytes: placed.bytes, file: placed.file,
      location: "test")
  }

  /// Products with the rows of the identity.
  private static func rows(of matrix: PackedMatrix, in context: ComputeContext) -> [[Float]] {
    let x = Tensor(rows: matrix.inputs, columns: matrix.inputs)
    for input in 0..<matrix.inputs { x.row(input)[input] = 1 }
    let y = Tensor(rows: matrix.inputs, columns: matrix.outputs)
    project(
      RowSource(x), [(Linear(weight: .packed(matrix), bias: nil), y)], scratch: Workspace(),
      in: context)
    return (0..<matrix.outputs).map { output in
      (0..<matrix.inputs).map { y.row($0)[output] }
    }
  }
}
