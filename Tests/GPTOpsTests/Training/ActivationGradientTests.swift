import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

@Suite struct ActivationGradientTests {
  static let shapes: [(rows: Int, width: Int)] = [(1, 1), (3, 15), (2, 16), (9, 33)]
  static let scales: [Float] = [0.01, 1, 12, 200]

  @Test(arguments: KernelLevel.available, shapes)
  func geluTanhBackwardEqualsCentralDifferences(
    _ level: KernelLevel, _ shape: (rows: Int, width: Int)
  ) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for scale in Self.scales {
      let (dy, x) = (input(1, shape), input(2, shape, scale: scale))
      let dx = input(3, shape)
      geluTanhBackward(dy, x: x, into: dx, in: context)
      let expected = elementwise(dy, x) { slope, value in
        slope
          * centralDifferences(at: [value]) { point in
            let v = point[0]
            // 0.5 · (1 + tanh u) without the rounding that makes it 0 already at u = −19.
            return v / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (v + 0.044715 * v * v * v)))
          }[0]
      }
      #expect(relativeDifference(dx, expected) < 2e-6, "scale \(scale)")
      #expect(dx.paddingIsZero)
    }
  }

  @Test(arguments: KernelLevel.available, shapes)
  func siluProductBackwardEqualsCentralDifferences(
    _ level: KernelLevel, _ shape: (rows: Int, width: Int)
  ) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for scale in Self.scales {
      let (dy, gate, up) = (input(1, shape), input(2, shape, scale: scale), input(3, shape))
      let (dgate, dup) = (input(4, shape), input(5, shape))
      siluProductBackward(dy, gate: gate, up: up, dgate: dgate, dup: dup, in: context)
      func silu(_ value: Double) -> Double { value / (1 + exp(-value)) }
      let gateExpected = elementwise(elementwise(dy, up, *), gate) { slope, value in
        slope * centralDifferences(at: [value]) { silu($0[0]) }[0]
      }
      #expect(relativeDifference(dgate, gateExpected) < 2e-6, "scale \(scale)")
      #expect(
        relativeDifference(dup, elementwise(dy, gate) { $0 * silu($1) }) < 2e-6, "scale \(scale)")
      #expect(dgate.paddingIsZero && dup.paddingIsZero)
    }
  }

  private func input(
    _ seed: UInt64, _ shape: (rows: Int, width: Int), scale: Float = 1
  ) -> Tensor {
    var random = TestRandom(seed: seed)
    let values = random.floats(shape.rows * shape.width).map { $0 * scale }
    return Tensor(rows: shape.rows, values: values)
  }

  private func elementwise(
    _ left: Tensor, _ right: Tensor, _ body: (Double, Double) -> Double
  ) -> DoubleMatrix {
    elementwise(DoubleMatrix(left), right, body)
  }

  private func elementwise(
    _ left: DoubleMatrix, _ right: Tensor, _ body: (Double, Double) -> Double
  ) -> DoubleMatrix {
    DoubleMatrix(
      rows: left.rows, columns: left.columns,
      elements: zip(left.elements, DoubleMatrix(right).elements).map(body))
  }
}
