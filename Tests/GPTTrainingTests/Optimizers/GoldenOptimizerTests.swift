import GPTOps
import GPTTensor
import GPTTraining
import TestSupport
import Testing

@Suite struct GoldenOptimizerTests {
  @Test(arguments: OptimizerFixture.names, KernelLevel.available)
  func fiveUpdatesEqualTheReferences(_ name: String, _ level: KernelLevel) throws {
    let fixture = try OptimizerFixture()
    let golden = try fixture.options(of: name)
    let expected = try fixture.expected(name)
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let parameters = fixture.makeParameters()
    let optimizer = makeOptimizer(golden.options, parameters: parameters)
    #expect(fixture.rates.count == 5)
    for (index, rate) in fixture.rates.enumerated() {
      fixture.setGradients(parameters, step: index + 1)
      optimizer.update(
        parameters, learningRate: rate, step: index + 1, gradientScale: golden.gradientScale,
        in: context)
      for (parameter, wanted) in zip(parameters, expected[index]) {
        let difference = differenceOfLargest(parameter.value, wanted)
        #expect(
          difference <= fixture.tolerance,
          "\(name), step \(index + 1), \(parameter.name): \(difference) of the largest")
        #expect(parameter.value.paddingIsZero, "\(parameter.name)")
      }
    }
    #expect(optimizer.state.allSatisfy { $0.tensor.paddingIsZero })
  }

  @Test(arguments: OptimizerFixture.names)
  func updatesFromARestoredStateEqualThoseThatWentOn(_ name: String) throws {
    let fixture = try OptimizerFixture()
    let golden = try fixture.options(of: name)
    let context = try ComputeContext(threadCount: 1, precision: .fp32)
    let parameters = fixture.makeParameters()
    let optimizer = makeOptimizer(golden.options, parameters: parameters)
    func run(_ steps: ClosedRange<Int>, _ optimizer: any Optimizer, _ parameters: [Parameter]) {
      for step in steps {
        fixture.setGradients(parameters, step: step)
        optimizer.update(
          parameters, learningRate: fixture.rates[step - 1], step: step, gradientScale: 1,
          in: context)
      }
    }
    run(1...3, optimizer, parameters)
    let resumedParameters = fixture.makeParameters()
    let resumed = makeOptimizer(golden.options, parameters: resumedParameters)
    copy(parameters.map(\.value), into: resumedParameters.map(\.value))
    copy(optimizer.state.map(\.tensor), into: resumed.state.map(\.tensor))
    run(4...5, optimizer, parameters)
    run(4...5, resumed, resumedParameters)
    #expect(
      parameters.map { $0.value.values.map(\.bitPattern) }
        == resumedParameters.map { $0.value.values.map(\.bitPattern) })
  }

  private func copy(_ sources: [Tensor], into targets: [Tensor]) {
    for (source, target) in zip(sources, targets) {
      target.pointer.update(from: source.pointer, count: source.flatCount)
    }
  }

  @Test func statesAreNamedAfterTheirParametersInAFixedOrder() throws {
    let parameters = try OptimizerFixture().makeParameters()
    func names(_ kind: OptimizerOptions.Kind) -> [String] {
      makeOptimizer(OptimizerOptions(kind: kind), parameters: parameters).state.map(\.name)
    }
    let all = parameters.map(\.name)
    #expect(names(.adamw) == all.map { $0 + ".mean" } + all.map { $0 + ".square" })
    #expect(names(.sgd) == all.map { $0 + ".momentum" })
    #expect(names(.lion) == all.map { $0 + ".momentum" })
    let others = ["tokenEmbedding", "blocks.0.queryBias", "outputNormGain"]
    #expect(
      names(.muon)
        == ["blocks.0.query", "blocks.0.up", "blocks.0.down"].map { $0 + ".momentum" }
        + others.map { $0 + ".mean" } + others.map { $0 + ".square" })
  }
}
