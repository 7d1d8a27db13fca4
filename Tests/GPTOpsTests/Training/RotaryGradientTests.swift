import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

@Suite struct RotaryGradientTests {
  /// Two sequences of three tokens share the table's rows.
  @Test(arguments: KernelLevel.available, [1, 8, 16, 20])
  func rotateBackwardEqualsCentralDifferences(_ level: KernelLevel, _ half: Int) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let positions = [0, 5, 1000]
    let frequencies = (0..<half).map { pow(100.0, -Double($0) / Double(half)) }
    let scale = 1.3
    let table = RotaryTable(positions: positions, frequencies: frequencies, scale: scale)
    var random = TestRandom(seed: 6)
    // One column more than the heads fill, which must stay.
    let gradient = random.tensor(rows: 6, columns: 4 * half + 1)
    let before = DoubleMatrix(gradient)
    rotateBackward(gradient, headCount: 2, headWidth: 2 * half, by: table, in: context)

    var expected = before
    for row in 0..<6 {
      for head in 0..<2 {
        for pair in 0..<half {
          let first = head * 2 * half + pair
          let (a, b) = (before[row, first], before[row, first + half])
          let angle = Double(positions[row % 3]) * frequencies[pair]
          let found = centralDifferences(at: [0.3, -0.7]) { x in
            let turned = (
              x[0] * cos(angle) - x[1] * sin(angle), x[0] * sin(angle) + x[1] * cos(angle)
            )
            return scale * (a * turned.0 + b * turned.1)
          }
          expected[row, first] = found[0]
          expected[row, first + half] = found[1]
        }
      }
    }
    #expect(relativeDifference(gradient, expected) < 1e-6)
    #expect(gradient.paddingIsZero)
  }
}
