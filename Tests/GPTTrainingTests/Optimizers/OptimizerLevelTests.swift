import GPTOps
import GPTTensor
import GPTTraining
import TestSupport
import Testing

@Suite struct OptimizerLevelTests {
  static let shapes = [[1, 1], [1, 15], [1, 16], [2, 17], [5, 100], [97, 131]]

  private func parameter(_ shape: [Int], name: String = "blocks.0.up") -> Parameter {
    let parameter = Parameter(
      name: name, value: Tensor(rows: shape[0], columns: shape[1]), decays: true)
    parameter.value.fillWithWaves(1)
    parameter.prepareGradient()
    return parameter
  }

  private func updated(
    _ kind: OptimizerOptions.Kind, _ shape: [Int], _ level: KernelLevel, threads: Int
  ) throws -> Parameter {
    let context = try ComputeContext(threadCount: threads, precision: .fp32, level: level)
    let parameter = parameter(shape)
    let optimizer = makeOptimizer(OptimizerOptions(kind: kind), parameters: [parameter])
    for step in 1...3 {
      parameter.preparedGradient.fillWithWaves(Double(step), scale: 0.1)
      optimizer.update(
        [parameter], learningRate: 0.1, step: step, gradientScale: 0.5, in: context)
    }
    return parameter
  }

  @Test(arguments: OptimizerOptions.Kind.allCases, KernelLevel.available)
  func everyLevelEqualsThePortableOne(
    _ kind: OptimizerOptions.Kind, _ level: KernelLevel
  ) throws {
    for shape in OptimizerLevelTests.shapes {
      let expected = try updated(kind, shape, .portable, threads: 1)
      let found = try updated(kind, shape, level, threads: 2)
      let difference = differenceOfLargest(found.value, expected.value)
      #expect(difference <= (kind == .muon ? 1e-5 : 1e-6), "\(shape): \(difference)")
      #expect(found.value.paddingIsZero, "\(shape)")
    }
  }

  @Test(arguments: OptimizerOptions.Kind.allCases, shapes)
  func oneAndTwoThreadsGiveTheSameBits(
    _ kind: OptimizerOptions.Kind, _ shape: [Int]
  ) throws {
    let results = try [1, 2].map { threads in
      try updated(kind, shape, .best, threads: threads).value.values.map(\.bitPattern)
    }
    #expect(results[0] == results[1])
  }

  @Test(arguments: OptimizerOptions.Kind.allCases, KernelLevel.available)
  func nanGradientsReachTheirValues(
    _ kind: OptimizerOptions.Kind, _ level: KernelLevel
  ) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32, level: level)
    // A vector, so that Muon too moves its elements one by one.
    let parameter = parameter([1, 35])
    parameter.preparedGradient.fillWithWaves(2)
    for column in [0, 17, 34] { parameter.preparedGradient.row(0)[column] = .nan }
    makeOptimizer(OptimizerOptions(kind: kind), parameters: [parameter]).update(
      [parameter], learningRate: 0.1, step: 1, gradientScale: 1, in: context)
    let lost = parameter.value.values.indices.filter { parameter.value.values[$0].isNaN }
    #expect(lost == [0, 17, 34])
  }

  @Test(arguments: KernelLevel.available)
  func lionMovesBySignsOfAnyMagnitudeAndNotByZero(_ level: KernelLevel) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32, level: level)
    let gradients: [Float] = [
      0, -0.0, 1e-38, -1e-38, 3e38, -3e38, .infinity, -.infinity, 1, -Float.leastNonzeroMagnitude,
      .leastNonzeroMagnitude,
    ]
    let parameter = Parameter(
      name: "p", value: Tensor(rows: 1, columns: gradients.count), decays: false)
    parameter.prepareGradient()
    for (column, gradient) in gradients.enumerated() {
      parameter.preparedGradient.row(0)[column] = gradient
    }
    var options = OptimizerOptions(kind: .lion)
    options.beta1 = 0
    makeOptimizer(options, parameters: [parameter]).update(
      [parameter], learningRate: 0.5, step: 1, gradientScale: 1, in: context)
    #expect(
      parameter.value.values == [0, 0, -0.5, 0.5, -0.5, 0.5, -0.5, 0.5, -0.5, 0.5, -0.5])
  }

  @Test(arguments: KernelLevel.available)
  func rowMajorProductsEqualTheirDefinition(_ level: KernelLevel) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for (rows, depth, columns) in [(1, 1, 1), (3, 5, 7), (17, 300, 20), (131, 513, 83)] {
      let x = Tensor(rows: rows, columns: depth)
      let w = Tensor(rows: depth, columns: columns)
      let y = Tensor(rows: rows, columns: columns)
      let expected = Tensor(rows: rows, columns: columns)
      x.fillWithWaves(1)
      w.fillWithWaves(2)
      y.fillWithWaves(3)
      for row in 0..<rows {
        for column in 0..<columns {
          expected.row(row)[column] = Float(
            (0..<depth).reduce(0.0) { $0 + Double(x.row(row)[$1]) * Double(w.row($1)[column]) })
        }
      }
      multiply(x.matrix, w.matrix, into: y.matrix, in: context)
      let difference = differenceOfLargest(y, expected)
      #expect(difference <= 1e-5, "[\(rows), \(depth)] · [\(depth), \(columns)]: \(difference)")
      #expect(y.paddingIsZero)
    }
  }
}
