import CKernels
import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

@Suite struct RowOperationTests {
  static let widths = [1, 3, 16, 17, 48, 100]

  @Test(arguments: KernelLevel.available, widths)
  func normsEqualTheirDefinition(_ level: KernelLevel, _ width: Int) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    var random = TestRandom(seed: 3)
    let x = random.tensor(rows: 5, columns: width)
    let gain = random.tensor(rows: 1, columns: width)
    let bias = random.tensor(rows: 1, columns: width)
    let y = Tensor(rows: 5, columns: width)
    layerNorm(x, gain: gain, bias: bias, epsilon: 1e-5, in: context).write(to: y, in: context)
    #expect(relativeDifference(y.values, norm(x, gain, bias, centred: true)) < 3e-6)
    rmsNorm(x, gain: gain, epsilon: 1e-5, in: context).write(to: y, in: context)
    let zero = Tensor(rows: 1, columns: width)
    #expect(relativeDifference(y.values, norm(x, gain, zero, centred: false)) < 3e-6)
  }

  private func norm(_ x: Tensor, _ gain: Tensor, _ bias: Tensor, centred: Bool) -> [Double] {
    (0..<x.rows).flatMap { row in
      let values = (0..<x.columns).map { Double(x.row(row)[$0]) }
      let mean = centred ? values.reduce(0, +) / Double(x.columns) : 0
      let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.columns)
      return values.enumerated().map { index, value in
        (value - mean) / (square + 1e-5).squareRoot() * Double(gain.row(0)[index])
          + Double(bias.row(0)[index])
      }
    }
  }

  @Test(arguments: KernelLevel.available, [1, 15, 16, 33])
  func activationsEqualTheirDefinition(_ level: KernelLevel, _ width: Int) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32, level: level)
    for scale: Float in [0.01, 1, 12, 200] {
      var random = TestRandom(seed: 9)
      let values = random.floats(3 * width).map { $0 * scale }
      let x = Tensor(rows: 3, values: values)
      geluTanh(x, in: context).write(to: x, in: context)
      let gelu = values.map { value -> Double in
        let v = Double(value)
        return 0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)))
      }
      #expect(relativeDifference(x.values, gelu) < 2e-6)
      let gate = Tensor(rows: 3, values: values)
      let up = random.tensor(rows: 3, columns: width)
      siluProduct(gate: gate, up: up, in: context).write(to: gate, in: context)
      let silu = zip(values, up.values).map { value, factor in
        Double(value) / (1 + exp(-Double(value))) * Double(factor)
      }
      #expect(relativeDifference(gate.values, silu) < 2e-6)
    }
  }

  @Test(arguments: KernelLevel.available)
  func notANumberPassesThroughEveryRowOperation(_ level: KernelLevel) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32, level: level)
    let x = Tensor(rows: 1, columns: 20)
    x.row(0)[3] = .nan
    let gain = Tensor(rows: 1, values: [Float](repeating: 1, count: 20))
    let y = Tensor(rows: 1, columns: 20)
    rmsNorm(x, gain: gain, epsilon: 1e-5, in: context).write(to: y, in: context)
    #expect(y.values.allSatisfy { $0.isNaN })
    geluTanh(x, in: context).write(to: x, in: context)
    #expect(x.row(0)[3].isNaN && x.row(0)[4] == 0)
    siluProduct(gate: x, up: gain, in: context).write(to: x, in: context)
    #expect(x.row(0)[3].isNaN && x.row(0)[4] == 0)
  }

  @Test(arguments: KernelLevel.available)
  func rotationTurnsPairsByTheirAngle(_ level: KernelLevel) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32, level: level)
    for half in [1, 8, 16, 20] {
      var random = TestRandom(seed: 4)
      let x = random.tensor(rows: 3, columns: 2 * 2 * half)
      let before = x.values
      let frequencies = (0..<half).map { pow(100.0, -Double($0) / Double(half)) }
      let table = RotaryTable(positions: [0, 5, 1000], frequencies: frequencies, scale: 1)
      rotate(x, headCount: 2, headWidth: 2 * half, by: table, in: context)
      var expected = before.map(Double.init)
      for (row, position) in [0.0, 5, 1000].enumerated() {
        for head in 0..<2 {
          let base = row * 4 * half + head * 2 * half
          for pair in 0..<half {
            let (a, b) = (Double(before[base + pair]), Double(before[base + half + pair]))
            let angle = position * frequencies[pair]
            expected[base + pair] = a * cos(angle) - b * sin(angle)
            expected[base + half + pair] = a * sin(angle) + b * cos(angle)
          }
        }
      }
      #expect(relativeDifference(x.values, expected) < 1e-6)
    }
  }

  @Test func everyHalfPrecisionValueConvertsAsTheHardwareDoes() {
    for bits in UInt16.min...UInt16.max {
      let value = Float16(bitPattern: bits)
      let found = gpt_f32_from_f16(bits)
      #expect(found == Float(value) || (found.isNaN && value.isNaN))
      if !value.isNaN { #expect(gpt_f16_from_f32(Float(value)) == bits) }
    }
    var random = TestRandom(seed: 77)
    for _ in 0..<20_000 {
      let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
      guard !value.isNaN else { continue }
      #expect(gpt_f16_from_f32(value) == Float16(value).bitPattern, "\(value)")
    }
  }
}
