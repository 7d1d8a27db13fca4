import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Weights that are read where their file is mapped.
@Suite struct MappedMatrixTests {
  static let formats: [RowFormat] = [.f32, .f16, .bf16]
  /// Outputs and inputs; the last are deeper than a pass of many rows.
  static let shapes = [(1, 1), (16, 32), (17, 33), (50, 96), (3, 64), (130, 31), (35, 1601)]

  static func weights(
    _ format: RowFormat, outputs: Int, inputs: Int, place: PlacedBytes.Place = .odd
  ) throws -> MappedWeights {
    var random = TestRandom(seed: 7)
    return try MappedWeights(
      random.floats(outputs * inputs), outputs: outputs, format: format, place: place)
  }

  static func forward(
    _ weight: LinearWeight, _ x: Tensor, bias: Parameter? = nil, in context: ComputeContext
  ) -> Tensor {
    let y = Tensor(rows: x.rows, columns: weight.outputs)
    project(
      RowSource(x), [(Linear(weight: weight, bias: bias), y)], scratch: Workspace(), in: context)
    return y
  }

  @Test(arguments: KernelLevel.available, formats)
  func productsEqualDoublePrecision(_ level: KernelLevel, _ format: RowFormat) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for (outputs, inputs) in Self.shapes {
      for place in PlacedBytes.Place.allCases {
        let weights = try Self.weights(format, outputs: outputs, inputs: inputs, place: place)
        for rows in [1, 2, 3, 4, 5, 7, 8, 9, 33] {
          var random = TestRandom(seed: 11)
          let x = random.tensor(rows: rows, columns: inputs)
          let bias = random.parameter(rows: 1, columns: outputs)
          let y = Self.forward(.mapped(weights.matrix), x, bias: bias, in: context)
          let plain = product(
            x.values, rows: rows, weights.held.map(Double.init), outputs: outputs)
          let expected = plain.enumerated().map { $1 + Double(bias.value.values[$0 % outputs]) }
          let difference = relativeDifference(y.values, expected)
          #expect(difference < 2e-6, "[\(outputs), \(inputs)] × \(rows): \(difference)")
          #expect(y.paddingIsZero, "[\(outputs), \(inputs)] × \(rows)")
        }
      }
    }
  }

  @Test(arguments: KernelLevel.available, formats)
  func aRowAloneAndOneThreadGiveTheBitsOfEightRowsAndTwo(_ level: KernelLevel, _ format: RowFormat)
    throws
  {
    let single = try ComputeContext(threadCount: 1, precision: .automatic, level: level)
    let double = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    for (outputs, inputs) in [(50, 96), (531, 1601)] {
      let weight = LinearWeight.mapped(
        try Self.weights(format, outputs: outputs, inputs: inputs).matrix)
      var random = TestRandom(seed: 2)
      let x = random.tensor(rows: 8, columns: inputs)
      let together = Self.forward(weight, x, in: double).values
      #expect(Self.forward(weight, x, in: single).values == together)
      for count in 1...7 {
        let some = Tensor(rows: count, values: Array(x.values.prefix(count * inputs)))
        let found = Self.forward(weight, some, in: double).values
        #expect(found == Array(together.prefix(count * outputs)), "\(count) rows")
      }
    }
  }

  @Test(arguments: KernelLevel.available, formats)
  func numbersThatAreNotFinitePassAsThePortableLevelPassesThem(
    _ level: KernelLevel, _ format: RowFormat
  ) throws {
    let special: [Float] = [.nan, .infinity, -.infinity]
    var random = TestRandom(seed: 4)
    let inputs = 37
    var values = random.floats(19 * inputs)
    // One a row, in the body and in the rest of one; rows between hold none.
    for (index, value) in special.enumerated() {
      values[3 * index * inputs + 5] = value
      values[(3 * index + 1) * inputs + 36] = value
    }
    let weight = LinearWeight.mapped(
      try MappedWeights(values, outputs: 19, format: format).matrix)
    let contexts = try [level, .portable].map {
      try ComputeContext(threadCount: 1, precision: .fp32, level: $0)
    }
    for rows in [1, 5, 9] {
      let x = random.tensor(rows: rows, columns: inputs)
      x.row(rows - 1)[36] = .infinity
      let results = contexts.map { Self.forward(weight, x, in: $0).values.map(Self.kind) }
      #expect(results[0] == results[1], "\(rows) rows")
      #expect(results[0].contains("nan"))
      // The last row's infinity is in all of its results.
      #expect(results[0].contains("finite") == (rows > 1))
    }
  }

  private static func kind(_ value: Float) -> String {
    value.isNaN ? "nan" : value.isFinite ? "finite" : "\(value)"
  }

  @Test(arguments: Numerics.all, formats)
  func rowsInAnotherOrderGiveTheBitsOfOrderedOnes(_ numerics: Numerics, _ format: RowFormat) throws
  {
    let context = try numerics.context()
    // As llama.cpp stores heads of 48: the halves of each alternate.
    let rows = (0..<96).map { output -> Int32 in
      let (head, place) = (output / 48, output % 48)
      return Int32(head * 48 + place % 24 * 2 + place / 24)
    }
    var random = TestRandom(seed: 5)
    let values = random.floats(96 * 70)
    let ordered = try MappedWeights(values, outputs: 96, format: format)
    let other = try MappedWeights(
      values, outputs: 96, format: format, order: RowOrder(unit: 48, rowOfOutput: rows),
      rowOfOutput: rows)
    for count in [1, 8, 9] {
      let x = random.tensor(rows: count, columns: 70)
      let bias = random.parameter(rows: 1, columns: 96)
      let expected = Self.forward(.mapped(ordered.matrix), x, bias: bias, in: context)
      let found = Self.forward(.mapped(other.matrix), x, bias: bias, in: context)
      #expect(found.values == expected.values, "\(count) rows")
    }
  }

  @Test(arguments: Numerics.all, formats)
  func productsOfTrainingHaveTheBitsOfThoseWithParameters(
    _ numerics: Numerics, _ format: RowFormat
  ) throws {
    let context = try numerics.context()
    for (outputs, inputs) in [(1, 1), (17, 96), (50, 161), (23, 50), (2070, 32), (5, 2112)] {
      let weights = try Self.weights(format, outputs: outputs, inputs: inputs)
      let parameter = Parameter(
        name: "weight", value: Tensor(rows: outputs, values: weights.held), decays: true)
      let both = [LinearWeight.mapped(weights.matrix), .parameter(parameter)]
      var random = TestRandom(seed: 31)
      let dy = random.tensor(rows: 33, columns: outputs)
      let gradients = both.map { weight in
        let dx = Tensor(rows: 33, columns: inputs)
        projectBackward(
          RowSource(Tensor(rows: 33, columns: inputs)), [(Linear(weight: weight, bias: nil), dy)],
          into: dx, scratch: Workspace(), in: context)
        return dx
      }
      #expect(gradients[0].values == gradients[1].values, "backward [\(outputs), \(inputs)]")
      #expect(gradients[0].paddingIsZero)
      guard numerics.precision == .bf16 else { continue }
      let x = random.tensor(rows: 33, columns: inputs)
      let results = both.map { Self.forward($0, x, in: context).values }
      #expect(results[0] == results[1], "forward [\(outputs), \(inputs)]")
    }
  }
}
