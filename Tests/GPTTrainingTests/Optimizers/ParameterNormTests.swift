import GPTOps
import GPTTensor
import GPTTraining
import TestSupport
import Testing

@Suite struct ParameterNormTests {
  /// Small and large tensors, more elements than one flat range has.
  private func makeParameters() -> [Parameter] {
    let shapes = [[1, 1], [1, 7], [300, 517], [17, 33], [1, 700], [64, 512]]
    return shapes.enumerated().map { index, shape in
      let parameter = Parameter(
        name: "p\(index)", value: Tensor(rows: shape[0], columns: shape[1]), decays: true)
      parameter.prepareGradient()
      parameter.preparedGradient.fillWithWaves(Double(index), scale: 0.3)
      parameter.value.fillWithWaves(Double(index) + 0.5)
      return parameter
    }
  }

  @Test func gradientNormIsBitEqualOnAnyThreadsAndLevels() throws {
    let parameters = makeParameters()
    var found: Set<UInt64> = []
    for level in KernelLevel.available {
      for threads in 1...4 {
        let context = try ComputeContext(threadCount: threads, precision: .fp32, level: level)
        found.insert(gradientNorm(parameters, in: context).bitPattern)
      }
    }
    #expect(found.count == 1)
  }

  @Test func gradientNormIsTheRootOfTheSumOfSquares() throws {
    let parameters = makeParameters()
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    let squares = parameters.flatMap {
      $0.preparedGradient.values.map { Double($0) * Double($0) }
    }
    let expected = squares.reduce(0, +).squareRoot()
    #expect(abs(gradientNorm(parameters, in: context) / expected - 1) < 1e-12)
    #expect(gradientNorm([], in: context) == 0)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func gradientNormTellsOfOneBadElement(_ bad: Float) throws {
    let parameters = makeParameters()
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    parameters[2].preparedGradient.row(299)[516] = bad
    #expect(!gradientNorm(parameters, in: context).isFinite)
  }

  @Test func gradientNormOfHugeGradientsIsFinite() throws {
    let parameters = makeParameters()
    let context = try ComputeContext(threadCount: 1, precision: .fp32)
    zeroGradients(parameters, in: context)
    parameters[1].preparedGradient.row(0)[0] = 3e38
    parameters[1].preparedGradient.row(0)[1] = 2e38
    #expect(abs(gradientNorm(parameters, in: context) / 3.6055513e38 - 1) < 1e-6)
  }

  @Test func zeroGradientsLeavesZerosAndTheValues() throws {
    let parameters = makeParameters()
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    let values = parameters.map(\.value.values)
    zeroGradients(parameters, in: context)
    #expect(parameters.allSatisfy { $0.preparedGradient.values.allSatisfy { $0 == 0 } })
    #expect(parameters.map(\.value.values) == values)
  }

  @Test func weightAverageFollowsItsDefinition() throws {
    let parameters = makeParameters()
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    let average = WeightAverage(parameters, decay: 0.9)
    var expected = parameters.map { $0.value.values.map(Double.init) }
    for step in 1...3 {
      for (index, parameter) in parameters.enumerated() {
        parameter.value.fillWithWaves(Double(step * 7 + index))
        for (element, value) in parameter.value.values.enumerated() {
          expected[index][element] = 0.9 * expected[index][element] + 0.1 * Double(value)
        }
      }
      average.update(in: context)
    }
    for (state, wanted) in zip(average.state, expected) {
      let worst = zip(state.tensor.values, wanted).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
      #expect(worst < 3e-7, "\(state.name): \(worst)")
      #expect(state.tensor.paddingIsZero)
    }
    #expect(average.state.map(\.name) == parameters.map { $0.name + ".average" })
  }

  @Test func exchangingAveragesTwiceChangesNothing() throws {
    let parameters = makeParameters()
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    let average = WeightAverage(parameters, decay: 0.5)
    let averages = average.state.map(\.tensor.values)
    for parameter in parameters { parameter.value.fillWithWaves(40) }
    let values = parameters.map(\.value.values)
    average.exchange(in: context)
    #expect(parameters.map(\.value.values) == averages)
    #expect(average.state.map(\.tensor.values) == values)
    average.exchange(in: context)
    #expect(parameters.map(\.value.values) == values)
  }
}
