import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct NormGradientTests {
  /// Rows, width, offset of the elements; sums over rows are made in chunks of 64.
  static let cases: [(rows: Int, width: Int, offset: Float)] = [
    (1, 1, 0), (3, 3, 0), (5, 16, 0), (130, 17, 0), (64, 33, 0.5), (2, 100, 2), (65, 1, 3),
  ]

  @Test(arguments: KernelLevel.available, cases)
  func layerNormBackwardEqualsCentralDifferences(
    _ level: KernelLevel, _ test: (rows: Int, width: Int, offset: Float)
  ) throws {
    let inputs = Inputs(test)
    let expected = inputs.expected(centred: true)
    layerNormBackward(
      inputs.dy, x: inputs.x, gain: inputs.gain, bias: inputs.bias, epsilon: Inputs.epsilon,
      into: inputs.dx, scratch: Workspace(),
      in: try ComputeContext(threadCount: 2, precision: .fp32, level: level))
    let bias = try #require(inputs.bias.gradient)
    #expect(relativeDifference(bias, expected.dbias) < 2e-6)
    #expect(bias.paddingIsZero)
    try check(inputs, expected)
  }

  @Test(arguments: KernelLevel.available, cases)
  func rmsNormBackwardEqualsCentralDifferences(
    _ level: KernelLevel, _ test: (rows: Int, width: Int, offset: Float)
  ) throws {
    let inputs = Inputs(test)
    let expected = inputs.expected(centred: false)
    rmsNormBackward(
      inputs.dy, x: inputs.x, gain: inputs.gain, epsilon: Inputs.epsilon, into: inputs.dx,
      scratch: Workspace(),
      in: try ComputeContext(threadCount: 2, precision: .fp32, level: level))
    try check(inputs, expected)
  }

  private func check(_ inputs: Inputs, _ expected: Inputs.Gradients) throws {
    #expect(relativeDifference(inputs.dx, expected.dx) < 3e-6)
    #expect(inputs.dx.paddingIsZero)
    let gain = try #require(inputs.gain.gradient)
    #expect(relativeDifference(gain, expected.dgain) < 2e-6)
    #expect(gain.paddingIsZero)
  }

  private struct Inputs {
    static let epsilon: Float = 1e-5
    let dy: Tensor
    let x: Tensor
    let dx: Tensor
    let gain: Parameter
    let bias: Parameter

    /// What the gradients hold afterwards.
    struct Gradients {
      var dx: DoubleMatrix
      var dgain: DoubleMatrix
      var dbias: DoubleMatrix
    }

    init(_ test: (rows: Int, width: Int, offset: Float)) {
      var random = TestRandom(seed: 7)
      dy = random.tensor(rows: test.rows, columns: test.width)
      x = random.tensor(rows: test.rows, columns: test.width)
      for row in 0..<test.rows {
        for column in 0..<test.width { x.row(row)[column] += test.offset }
      }
      dx = random.tensor(rows: test.rows, columns: test.width)
      gain = random.parameter(rows: 1, columns: test.width)
      bias = random.parameter(rows: 1, columns: test.width)
    }

    /// Σ dy · norm(x) is differentiated row by row, over the row, the gain and the bias.
    func expected(centred: Bool) -> Gradients {
      func before(_ parameter: Parameter) -> DoubleMatrix {
        DoubleMatrix(parameter.gradient ?? Tensor(rows: 1, columns: x.columns))
      }
      var result = Gradients(
        dx: DoubleMatrix(dx), dgain: before(gain), dbias: before(bias))
      let width = x.columns
      for row in 0..<x.rows {
        let slopes = DoubleMatrix(dy).row(row)
        let start =
          DoubleMatrix(x).row(row) + DoubleMatrix(gain.value).row(0)
          + DoubleMatrix(bias.value).row(0)
        let found = centralDifferences(at: start) { point in
          let row = point[..<width]
          let mean = centred ? row.reduce(0, +) / Double(width) : 0
          let square = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
          let deviation = (square + Double(Inputs.epsilon)).squareRoot()
          return (0..<width).reduce(0) { sum, index in
            let z = (point[index] - mean) / deviation
            return sum + slopes[index] * (z * point[width + index] + point[2 * width + index])
          }
        }
        for index in 0..<width {
          result.dx[row, index] += found[index]
          result.dgain[0, index] += found[width + index]
          result.dbias[0, index] += found[2 * width + index]
        }
      }
      return result
    }
  }
}
