import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Backward through weights that stay packed.
@Suite struct PackedGradientTests {
  static let formats: [PanelFormat] = [.f32, .f16, .bf16] + ProjectionTests.quantisedFormats

  /// Outputs and inputs; some deeper than a packed block of a product.
  static let shapes = [(1, 32), (17, 96), (64, 256), (50, 160), (2070, 32)]

  /// The matrix and a frozen parameter that holds the same values.
  private static func weights(_ format: PanelFormat, outputs: Int, inputs: Int)
    -> (packed: PackedMatrix, parameter: Parameter)
  {
    let (matrix, held) =
      if case .quantised = format {
        ProjectionTests.quantised(format, outputs: outputs, inputs: inputs)
      } else {
        ProjectionTests.floats(format, outputs: outputs, inputs: inputs, seed: 3)
      }
    let value = Tensor(rows: outputs, values: held.map { Float($0) })
    return (matrix, Parameter(name: "weight", value: value, decays: true))
  }

  private static func backward(
    _ weight: LinearWeight, rows: Int, in context: ComputeContext
  ) -> Tensor {
    var random = TestRandom(seed: 31)
    let dy = random.tensor(rows: rows, columns: weight.outputs)
    let dx = Tensor(rows: rows, columns: weight.inputs)
    let x = Tensor(rows: rows, columns: weight.inputs)
    projectBackward(
      RowSource(x), [(Linear(weight: weight, bias: nil), dy)], into: dx, scratch: Workspace(),
      in: context)
    return dx
  }

  @Test(arguments: Numerics.all, formats)
  func backwardThroughPackedWeightsHasTheBitsOfThatThroughTheirValues(
    _ numerics: Numerics, _ format: PanelFormat
  ) throws {
    let context = try numerics.context()
    for (outputs, inputs) in Self.shapes {
      let weights = Self.weights(format, outputs: outputs, inputs: inputs)
      for rows in [1, 9, 33] {
        let expected = Self.backward(.parameter(weights.parameter), rows: rows, in: context)
        let found = Self.backward(.packed(weights.packed), rows: rows, in: context)
        #expect(found.values == expected.values, "[\(outputs), \(inputs)] × \(rows)")
        #expect(found.paddingIsZero)
        #expect(found.values.contains { $0 != 0 })
      }
    }
  }

  @Test(arguments: Numerics.all, [PanelFormat.f32, .f16, .bf16])
  func inputsThatFillNoBlockHaveNoMoreGradients(_ numerics: Numerics, _ format: PanelFormat) throws
  {
    let context = try numerics.context()
    for (outputs, inputs) in [(1, 1), (17, 33), (130, 31), (23, 50)] {
      let weights = Self.weights(format, outputs: outputs, inputs: inputs)
      let expected = Self.backward(.parameter(weights.parameter), rows: 7, in: context)
      let found = Self.backward(.packed(weights.packed), rows: 7, in: context)
      #expect(found.values == expected.values, "[\(outputs), \(inputs)]")
      #expect(found.paddingIsZero)
    }
  }

  @Test(arguments: Numerics.narrow, formats)
  func bf16ProductsWithPackedWeightsHaveTheBitsOfThoseWithTheirValues(
    _ numerics: Numerics, _ format: PanelFormat
  ) throws {
    let context = try numerics.context()
    for (outputs, inputs) in Self.shapes + [(5, 2112)] {
      let weights = Self.weights(format, outputs: outputs, inputs: inputs)
      var random = TestRandom(seed: 8)
      let x = random.tensor(rows: 33, columns: inputs)
      let bias = random.parameter(rows: 1, columns: outputs)
      let results = [LinearWeight.packed(weights.packed), .parameter(weights.parameter)].map {
        let y = Tensor(rows: 33, columns: outputs)
        project(
          RowSource(x), [(Linear(weight: $0, bias: bias), y)], scratch: Workspace(), in: context)
        return y.values
      }
      #expect(results[0] == results[1], "[\(outputs), \(inputs)]")
    }
  }

  @Test(arguments: Numerics.all, formats)
  func crossEntropyOfPackedWeightsIsThatOfTheirValues(
    _ numerics: Numerics, _ format: PanelFormat
  ) throws {
    let context = try numerics.context()
    let weights = Self.weights(format, outputs: 61, inputs: 96)
    var random = TestRandom(seed: 8)
    let x = random.tensor(rows: 37, columns: 96)
    let results = [LinearWeight.packed(weights.packed), .parameter(weights.parameter)].map {
      weight -> (LossSum, [Float]) in
      let dx = Tensor(rows: 37, columns: 96)
      let loss = crossEntropy(
        x, weight: weight, targets: (0..<37).map { Int32($0 % 5 == 2 ? -1 : $0) },
        options: LossOptions(), gradients: (dx: dx, scale: 0.5), scratch: Workspace(), in: context)
      return (loss, dx.values)
    }
    #expect(results[0].0 == results[1].0)
    #expect(results[0].1 == results[1].1)
    // The target of row 2 is not counted.
    #expect(results[0].1[192..<288].allSatisfy { $0 == 0 })
  }
}
