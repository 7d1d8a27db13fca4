import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct LinearGradientTests {
  /// Rows, inputs, outputs of two layers on the same input.
  struct Case: Sendable {
    let rows: Int
    let inputs: Int
    let outputs: [Int]
  }

  static let cases = [
    Case(rows: 1, inputs: 1, outputs: [1]), Case(rows: 7, inputs: 19, outputs: [23, 5]),
    Case(rows: 33, inputs: 48, outputs: [16, 16, 16]),
    Case(rows: 2100, inputs: 3, outputs: [17]), Case(rows: 65, inputs: 100, outputs: [2061]),
  ]

  private struct Layers {
    let x: Tensor
    let linears: [Linear]
    let gradients: [Tensor]

    init(_ test: Case) {
      var random = TestRandom(seed: 29)
      x = random.tensor(rows: test.rows, columns: test.inputs)
      var linears: [Linear] = []
      var gradients: [Tensor] = []
      for outputs in test.outputs {
        let weight = random.parameter(rows: outputs, columns: test.inputs)
        linears.append(
          Linear(
            weight: .parameter(weight), bias: random.parameter(rows: 1, columns: outputs)))
        gradients.append(random.tensor(rows: test.rows, columns: outputs))
      }
      self.linears = linears
      self.gradients = gradients
    }

    func weight(_ index: Int) throws -> Parameter {
      guard case .parameter(let weight) = linears[index].weight else {
        throw Missing(what: "parameter")
      }
      return weight
    }
  }

  private struct Missing: Error { let what: String }

  @Test(arguments: Numerics.all, cases)
  func projectionsEqualTheirDefinition(_ numerics: Numerics, _ test: Case) throws {
    let layers = Layers(test)
    let outputs = test.outputs.map { Tensor(rows: test.rows, columns: $0) }
    project(
      RowSource(layers.x), Array(zip(layers.linears, outputs)), scratch: Workspace(),
      in: try numerics.context())
    let x = DoubleMatrix(layers.x, rounded: numerics.operand)
    for (index, output) in outputs.enumerated() {
      let weight = DoubleMatrix(try layers.weight(index).value, rounded: numerics.operand)
      let bias = try #require(layers.linears[index].bias)
      let ones = DoubleMatrix(
        rows: test.rows, columns: 1, elements: [Double](repeating: 1, count: test.rows))
      let expected = x * weight.transposed + ones * DoubleMatrix(bias.value)
      #expect(relativeDifference(output, expected) < 2e-6)
      #expect(output.paddingIsZero)
    }
  }

  @Test(arguments: Numerics.all, cases)
  func backwardEqualsItsDefinition(_ numerics: Numerics, _ test: Case) throws {
    let layers = Layers(test)
    var expected = DoubleMatrix(rows: test.rows, columns: test.inputs)
    var weightGradients: [DoubleMatrix] = []
    var biasGradients: [DoubleMatrix] = []
    let x = DoubleMatrix(layers.x, rounded: numerics.operand)
    let ones = DoubleMatrix(
      rows: 1, columns: test.rows, elements: [Double](repeating: 1, count: test.rows))
    for (index, gradient) in layers.gradients.enumerated() {
      let weight = try layers.weight(index)
      let dy = DoubleMatrix(gradient, rounded: numerics.operand)
      expected = expected + dy * DoubleMatrix(weight.value, rounded: numerics.operand)
      weightGradients.append(
        DoubleMatrix(try #require(weight.gradient)) + dy.transposed * x)
      let bias = try #require(layers.linears[index].bias?.gradient)
      biasGradients.append(DoubleMatrix(bias) + ones * DoubleMatrix(gradient))
    }

    let dx = Tensor(rows: test.rows, columns: test.inputs)
    for row in 0..<dx.rows { dx.row(row).update(repeating: .nan, count: dx.columns) }
    projectBackward(
      RowSource(layers.x), Array(zip(layers.linears, layers.gradients)), into: dx,
      scratch: Workspace(), in: try numerics.context())
    #expect(relativeDifference(dx, expected) < 2e-6)
    #expect(dx.paddingIsZero)
    for index in layers.linears.indices {
      let weight = try #require(layers.weight(index).gradient)
      #expect(relativeDifference(weight, weightGradients[index]) < 2e-6)
      #expect(weight.paddingIsZero)
      let bias = try #require(layers.linears[index].bias?.gradient)
      #expect(relativeDifference(bias, biasGradients[index]) < 2e-6)
      #expect(bias.paddingIsZero)
    }
  }

  /// Rows that are computed on their way into a product are those that are computed before it.
  @Test(arguments: Numerics.all, cases)
  func computedRowsGiveTheBitsOfStoredOnes(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let results = try [false, true].map { isStored -> [[Float]] in
      let layers = Layers(test)
      let computed = geluTanh(layers.x, in: context)
      let stored = RowSource(computed.materialised(Workspace(), in: context))
      let source = isStored ? stored : computed
      let outputs = test.outputs.map { Tensor(rows: test.rows, columns: $0) }
      project(
        source, Array(zip(layers.linears, outputs)), scratch: Workspace(), in: context)
      let dx = Tensor(rows: test.rows, columns: test.inputs)
      projectBackward(
        source, Array(zip(layers.linears, layers.gradients)), into: dx, scratch: Workspace(),
        in: context)
      let weights = try layers.linears.indices.map { try layers.weight($0).gradient?.values ?? [] }
      return outputs.map(\.values) + weights + [dx.values]
    }
    let isEqual = results[0] == results[1]
    #expect(isEqual)
    #expect(results[0].joined().contains { $0 != 0 })
  }

  @Test(arguments: KernelLevel.available, [(1, 1), (3, 16), (130, 17), (5, 400)])
  func columnSumsAddToWhatIsThere(_ level: KernelLevel, _ shape: (rows: Int, columns: Int)) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    var random = TestRandom(seed: 2)
    let x = random.tensor(rows: shape.rows, columns: shape.columns)
    let sums = random.tensor(rows: 1, columns: shape.columns)
    let ones = DoubleMatrix(
      rows: 1, columns: shape.rows, elements: [Double](repeating: 1, count: shape.rows))
    let expected = DoubleMatrix(sums) + ones * DoubleMatrix(x)
    addColumnSums(of: x, to: sums, in: context)
    #expect(relativeDifference(sums, expected) < 1e-6)
    #expect(sums.paddingIsZero)
  }
}
