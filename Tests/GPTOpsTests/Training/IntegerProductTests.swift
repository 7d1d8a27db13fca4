import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Products with quantised weights in 8 bits, by their definition.
@Suite struct IntegerProductTests {
  /// Outputs and inputs; some deeper than a packed block of a product.
  static let shapes = [(1, 32), (17, 96), (64, 256), (50, 160), (4130, 32), (192, 576)]

  private static func weight(_ format: PanelFormat, _ outputs: Int, _ inputs: Int)
    -> (packed: PackedMatrix, values: DoubleMatrix)
  {
    let (packed, held) = ProjectionTests.quantised(format, outputs: outputs, inputs: inputs)
    return (packed, DoubleMatrix(rows: outputs, columns: inputs, elements: held))
  }

  /// The values that `compute` makes of 33 rows and what it should make of them, for every shape.
  private static func expectEqual(
    _ format: PanelFormat, isForward: Bool,
    _ compute: (Linear, Tensor) -> (found: Tensor, expected: (DoubleMatrix) -> [Double])
  ) {
    for (outputs, inputs) in shapes {
      let weight = Self.weight(format, outputs, inputs)
      var random = TestRandom(seed: 5)
      let rows = random.tensor(rows: 33, columns: isForward ? inputs : outputs)
      let bias = isForward ? random.parameter(rows: 1, columns: outputs) : nil
      let (found, expected) = compute(
        Linear(weight: .packed(weight.packed), bias: bias), rows)
      let values = expected(weight.values)
      #expect(relativeDifference(found.values, values) < 1e-5, "[\(outputs), \(inputs)]")
      #expect(found.paddingIsZero)
    }
  }

  @Test(arguments: Numerics.integers, ProjectionTests.quantisedFormats)
  func forwardMultipliesRowsAndWeightsRoundedInBlocksOfInputs(
    _ numerics: Numerics, _ format: PanelFormat
  ) throws {
    let context = try numerics.context()
    Self.expectEqual(format, isForward: true) { linear, x in
      let outputs = linear.weight.outputs
      let y = Tensor(rows: x.rows, columns: outputs)
      project(RowSource(x), [(linear, y)], scratch: Workspace(), in: context)
      return (
        y,
        { weights in
          let product = DoubleMatrix(x).rounded * weights.rounded.transposed
          let bias = linear.bias?.value.values ?? []
          return product.elements.indices.map {
            product.elements[$0] + Double(bias[$0 % outputs])
          }
        }
      )
    }
  }

  @Test(arguments: Numerics.integers, ProjectionTests.quantisedFormats)
  func backwardMultipliesGradientsAndWeightsRoundedInBlocksOfOutputs(
    _ numerics: Numerics, _ format: PanelFormat
  ) throws {
    let context = try numerics.context()
    Self.expectEqual(format, isForward: false) { linear, dy in
      let dx = Tensor(rows: dy.rows, columns: linear.weight.inputs)
      projectBackward(
        RowSource(Tensor(rows: dy.rows, columns: linear.weight.inputs)), [(linear, dy)],
        into: dx, scratch: Workspace(), in: context)
      return (
        dx, { (DoubleMatrix(dy).rounded * $0.transposed.rounded.transposed).elements }
      )
    }
  }

  @Test(arguments: Numerics.integers, [1, 7, 61, 200])
  func crossEntropyIsNearThatOfFloats(_ numerics: Numerics, vocabulary: Int) throws {
    let format = ProjectionTests.quantisedFormats[0]
    let weight = Self.weight(format, vocabulary, 96).packed
    var random = TestRandom(seed: 8)
    let x = random.tensor(rows: 37, columns: 96)
    let results = try [numerics.precision, .fp32].map { precision -> (LossSum, [Float]) in
      let context = try Numerics(level: numerics.level, precision: precision).context()
      let dx = Tensor(rows: 37, columns: 96)
      let targets = (0..<37).map { $0 % 5 == 2 ? -1 : Int32($0 % vocabulary) }
      let loss = crossEntropy(
        x, weight: .packed(weight), targets: targets, options: LossOptions(),
        gradients: (dx: dx, scale: 0.5), scratch: Workspace(), in: context)
      return (loss, dx.values)
    }
    #expect(abs(results[0].0.total - results[1].0.total) <= 0.02 * results[1].0.total)
    let difference = relativeDifference(results[0].1, results[1].1.map { Double($0) })
    #expect(difference < 0.03)
    #expect(vocabulary == 1 || results[0].1 != results[1].1)
  }

  @Test(arguments: Numerics.integers)
  func threadsChangeNoBit(_ numerics: Numerics) throws {
    let weight = Self.weight(ProjectionTests.quantisedFormats[0], 500, 160).packed
    var random = TestRandom(seed: 9)
    let x = random.tensor(rows: 100, columns: 160)
    let results = try [1, 2, 3].map { threads in
      let y = Tensor(rows: 100, columns: 500)
      project(
        RowSource(x), [(Linear(weight: .packed(weight), bias: nil), y)], scratch: Workspace(),
        in: try numerics.context(threads: threads))
      return y.values
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test(arguments: Numerics.integers, ProjectionTests.quantisedFormats)
  func formsThatAreKeptChangeNoBit(_ numerics: Numerics, _ format: PanelFormat) throws {
    for (outputs, inputs) in Self.shapes {
      let linear = Linear(
        weight: .packed(Self.weight(format, outputs, inputs).packed), bias: nil)
      var random = TestRandom(seed: 12)
      let (x, dy) = (
        random.tensor(rows: 33, columns: inputs), random.tensor(rows: 33, columns: outputs)
      )
      let context = try numerics.context(threads: 2)
      func products() -> [[Float]] {
        let (y, dx) = (Tensor(rows: 33, columns: outputs), Tensor(rows: 33, columns: inputs))
        project(RowSource(x), [(linear, y)], scratch: Workspace(), in: context)
        projectBackward(
          RowSource(x), [(linear, dy)], into: dx, scratch: Workspace(), in: context)
        return [y.values, dx.values]
      }
      let expected = products()
      #expect(context.keepFrozenPanels(weights: outputs * inputs + 8))
      #expect(products() == expected, "made: [\(outputs), \(inputs)]")
      #expect(products() == expected, "kept: [\(outputs), \(inputs)]")
    }
  }

  @Test(arguments: Numerics.integers)
  func formsOfLargeModelsAreNotKept(_ numerics: Numerics) throws {
    #expect(try !numerics.context().keepFrozenPanels(weights: 2 << 30))
  }

  @Test(arguments: Numerics.integers, [Float.nan, .infinity])
  func aRowWithoutANumberIsNaNAndNoOtherRow(_ numerics: Numerics, value: Float) throws {
    let weight = Self.weight(ProjectionTests.quantisedFormats[0], 40, 96).packed
    var random = TestRandom(seed: 10)
    let x = random.tensor(rows: 20, columns: 96)
    x.row(3)[70] = value
    let y = Tensor(rows: 20, columns: 40)
    project(
      RowSource(x), [(Linear(weight: .packed(weight), bias: nil), y)], scratch: Workspace(),
      in: try numerics.context())
    for row in 0..<20 {
      let values = y.values[row * 40..<(row + 1) * 40]
      #expect(values.allSatisfy { $0.isNaN } == (row == 3))
      #expect(values.contains { $0.isNaN } == (row == 3))
    }
  }
}

extension Numerics {
  /// Levels whose products with quantised weights are of integers.
  static let integers = KernelLevel.available
    .map { Numerics(level: $0, precision: .int8) }
    .filter { (try? $0.context(threads: 1).quantisedProducts) == .int8 }
}

extension DoubleMatrix {
  /// Every block of 64 elements of a row rounded to multiples of its largest element / 127. Weights
  /// of few bits lie half-way between two of them often: so the multiples are found as they are
  /// defined, by adding 1.5 · 2²³ in fp32.
  fileprivate var rounded: DoubleMatrix {
    let shift: Float = 12_582_912
    var result = elements
    for row in 0..<rows {
      for first in stride(from: 0, to: columns, by: 64) {
        let places = row * columns + first..<row * columns + min(first + 64, columns)
        let largest = Float(elements[places].map(abs).max() ?? 0)
        guard largest > 0 else { continue }
        for place in places {
          let code = shift.addingProduct(Float(elements[place]), 127 / largest) - shift
          result[place] = Double(code) * Double(largest) / 127
        }
      }
    }
    return DoubleMatrix(rows: rows, columns: columns, elements: result)
  }
}
