import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct MultiplyTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let rows: Int
    let depth: Int
    let columns: Int
    let transposesLeft: Bool
    let transposesRight: Bool
    let accumulates: Bool

    var testDescription: String {
      "[\(rows), \(depth)]\(transposesLeft ? "ᵀ" : "") · [\(depth), \(columns)]"
        + "\(transposesRight ? "ᵀ" : "")\(accumulates ? " added" : "")"
    }
  }

  /// Rows, depth, columns; packed blocks are 1024 deep in fp32 and 2048 in bf16.
  static let shapes = [
    (1, 1, 1), (3, 5, 7), (16, 32, 16), (17, 33, 20), (131, 31, 65), (1, 2049, 1), (9, 2500, 50),
    (37, 4129, 9), (33, 100, 300),
  ]

  static let cases = shapes.flatMap { rows, depth, columns in
    (0..<8).map { bits in
      Case(
        rows: rows, depth: depth, columns: columns, transposesLeft: bits & 1 != 0,
        transposesRight: bits & 2 != 0, accumulates: bits & 4 != 0)
    }
  }

  /// Differences in parts of the sum of the products' magnitudes.
  @Test(arguments: Numerics.all, cases)
  func productsEqualDoublePrecision(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    var random = TestRandom(seed: 13)
    let left = Self.operand(test.rows, test.depth, transposed: test.transposesLeft, &random)
    let right = Self.operand(test.depth, test.columns, transposed: test.transposesRight, &random)
    let c = random.tensor(rows: test.rows, columns: test.columns)
    let before = DoubleMatrix(c)
    multiply(
      test.transposesLeft ? left.matrix.transposed : left.matrix,
      test.transposesRight ? right.matrix.transposed : right.matrix, into: c.matrix,
      accumulate: test.accumulates, in: context)

    var a = DoubleMatrix(left, rounded: numerics.operand)
    var b = DoubleMatrix(right, rounded: numerics.operand)
    if test.transposesLeft { a = a.transposed }
    if test.transposesRight { b = b.transposed }
    let product = a * b
    let difference = relativeDifference(
      c, test.accumulates ? product + before : product,
      scales: a.magnitudes * b.magnitudes + before.magnitudes)
    #expect(difference < 1e-6)
    #expect(c.paddingIsZero)
  }

  private static func operand(
    _ rows: Int, _ columns: Int, transposed: Bool, _ random: inout TestRandom
  ) -> Tensor {
    transposed
      ? random.tensor(rows: columns, columns: rows) : random.tensor(rows: rows, columns: columns)
  }

  /// A group of rows, as the loss multiplies them, leaves the other rows alone.
  @Test(arguments: Numerics.all)
  func rowsOfATensorMultiplyLikeATensorOfThem(_ numerics: Numerics) throws {
    let context = try numerics.context()
    var random = TestRandom(seed: 3)
    let x = random.tensor(rows: 40, columns: 19)
    let w = random.tensor(rows: 19, columns: 21)
    let part = Tensor(rows: 16, values: Array(x.values[16 * 19..<32 * 19]))
    let (whole, expected) = (Tensor(rows: 40, columns: 21), Tensor(rows: 16, columns: 21))
    multiply(
      x.matrix(rows: 16..<32), w.matrix, into: whole.matrix(rows: 16..<32), in: context)
    multiply(part.matrix, w.matrix, into: expected.matrix, in: context)
    #expect(Array(whole.values[16 * 21..<32 * 21]) == expected.values)
    #expect(whole.values[..<(16 * 21)].allSatisfy { $0 == 0 })
    #expect(whole.values[(32 * 21)...].allSatisfy { $0 == 0 })

    let (sum, wanted) = (Tensor(rows: 21, columns: 19), Tensor(rows: 21, columns: 19))
    multiply(
      whole.matrix(rows: 16..<32).transposed, x.matrix(rows: 16..<32), into: sum.matrix,
      accumulate: true, in: context)
    multiply(expected.matrix.transposed, part.matrix, into: wanted.matrix, in: context)
    #expect(sum.values == wanted.values)
  }
}
