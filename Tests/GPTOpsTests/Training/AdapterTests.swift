import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Low-rank additions to linear layers, forward and backward, by their definition.
@Suite struct AdapterTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var rows = 33
    var inputs = 19
    /// Of layers on one input, each with the ranks of its adapters.
    var layers: [(outputs: Int, ranks: [Int])] = [(23, [5])]
    var dropout: Float = 0
    var isPacked = false

    var testDescription: String {
      "\(rows) × \(inputs), \(layers.map { "\($0.outputs): \($0.ranks)" })"
        + (dropout > 0 ? ", dropout \(dropout)" : "") + (isPacked ? ", packed" : "")
    }
  }

  static let cases = [
    Case(rows: 1, inputs: 1, layers: [(1, [1])]), Case(),
    Case(rows: 1, inputs: 50, layers: [(48, [8]), (16, [8]), (16, [8])], isPacked: true),
    Case(rows: 8, inputs: 100, layers: [(33, [17])], isPacked: true),
    Case(rows: 100, inputs: 65, layers: [(48, [8]), (16, []), (130, [3, 40])]),
    Case(rows: 100, inputs: 65, layers: [(48, [8]), (16, []), (130, [3, 40])], isPacked: true),
    Case(rows: 9, inputs: 64, layers: [(40, [16]), (40, [33])], dropout: 0.4),
    Case(rows: 70, inputs: 35, layers: [(17, [2, 5]), (9, [8])], dropout: 0.2, isPacked: true),
  ]

  static let key: UInt64 = 77

  private struct Layers {
    let x: Tensor
    let linears: [Linear]
    let weights: [DoubleMatrix]
    let gradients: [Tensor]

    init(_ test: Case, numerics: Numerics) {
      var random = TestRandom(seed: 29)
      x = random.tensor(rows: test.rows, columns: test.inputs)
      var linears: [Linear] = []
      var weights: [DoubleMatrix] = []
      var gradients: [Tensor] = []
      var count = 0
      for (outputs, ranks) in test.layers {
        let adapters = ranks.map { rank in
          count += 1
          return LinearAdapter(
            down: random.parameter(rows: rank, columns: test.inputs),
            up: random.parameter(rows: outputs, columns: rank), scale: 0.3 * Float(count),
            dropout: test.dropout, index: count)
        }
        let (matrix, held) = ProjectionTests.floats(
          numerics.precision == .bf16 ? .bf16 : .f32, outputs: outputs, inputs: test.inputs,
          seed: UInt64(outputs))
        weights.append(DoubleMatrix(rows: outputs, columns: test.inputs, elements: held))
        let parameter = Parameter(
          name: "weight", value: Tensor(rows: outputs, values: held.map { Float($0) }),
          decays: true)
        linears.append(
          Linear(
            weight: test.isPacked ? .packed(matrix) : .parameter(parameter), bias: nil,
            adapters: adapters))
        gradients.append(random.tensor(rows: test.rows, columns: outputs))
      }
      self.linears = linears
      self.weights = weights
      self.gradients = gradients
    }

    /// Factors on the elements of an adapter's input.
    func factors(_ adapter: LinearAdapter, in context: ComputeContext) -> DoubleMatrix {
      let ones = Tensor(rows: x.rows, values: x.values.map { _ in 1 })
      if adapter.dropout > 0 {
        let dropout = Dropout(
          probability: adapter.dropout, key: Dropout.key(AdapterTests.key, -2 - adapter.index))
        drop(ones, dropout, into: ones, in: context)
      }
      return DoubleMatrix(ones)
    }

    func input(_ adapter: LinearAdapter, in context: ComputeContext) -> DoubleMatrix {
      times(DoubleMatrix(x), factors(adapter, in: context))
    }
  }

  private static func limit(_ numerics: Numerics) -> Double {
    numerics.precision == .bf16 ? 2e-2 : 3e-6
  }

  @Test(arguments: Numerics.all, cases)
  func adaptersAddTheirProducts(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let layers = Layers(test, numerics: numerics)
    let outputs = test.layers.map { Tensor(rows: test.rows, columns: $0.outputs) }
    project(
      RowSource(layers.x), Array(zip(layers.linears, outputs)), adapterDropout: Self.key,
      scratch: Workspace(), in: context)
    for (index, linear) in layers.linears.enumerated() {
      var expected = DoubleMatrix(layers.x) * layers.weights[index].transposed
      for adapter in linear.adapters {
        let between =
          layers.input(adapter, in: context) * DoubleMatrix(adapter.down.value).transposed
        expected =
          expected + scaled(between * DoubleMatrix(adapter.up.value).transposed, adapter.scale)
      }
      let difference = relativeDifference(outputs[index], expected)
      #expect(difference < Self.limit(numerics), "layer \(index): \(difference)")
      #expect(outputs[index].paddingIsZero)
    }
  }

  @Test(arguments: Numerics.all, cases)
  func gradientsEqualTheirDefinition(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let layers = Layers(test, numerics: numerics)
    var slope = DoubleMatrix(rows: test.rows, columns: test.inputs)
    var expected: [(Parameter, DoubleMatrix)] = []
    for (index, linear) in layers.linears.enumerated() {
      let dy = DoubleMatrix(layers.gradients[index])
      slope = slope + dy * layers.weights[index]
      for adapter in linear.adapters {
        let input = layers.input(adapter, in: context)
        let (down, up) = (DoubleMatrix(adapter.down.value), DoubleMatrix(adapter.up.value))
        let between = scaled(dy * up, adapter.scale)
        slope = slope + times(between * down, layers.factors(adapter, in: context))
        let downGradient = DoubleMatrix(try #require(adapter.down.gradient))
        expected.append((adapter.down, downGradient + between.transposed * input))
        let upGradient = DoubleMatrix(try #require(adapter.up.gradient))
        let product = scaled(dy.transposed * (input * down.transposed), adapter.scale)
        expected.append((adapter.up, upGradient + product))
      }
    }
    let dx = Tensor(rows: test.rows, columns: test.inputs)
    for row in 0..<dx.rows { dx.row(row).update(repeating: .nan, count: dx.columns) }
    projectBackward(
      RowSource(layers.x), Array(zip(layers.linears, layers.gradients)), into: dx,
      adapterDropout: Self.key, scratch: Workspace(), in: context)
    #expect(relativeDifference(dx, slope) < Self.limit(numerics))
    #expect(dx.paddingIsZero)
    for (parameter, wanted) in expected {
      let gradient = try #require(parameter.gradient)
      let difference = relativeDifference(gradient, wanted)
      #expect(
        difference < Self.limit(numerics),
        "[\(gradient.rows), \(gradient.columns)]: \(difference)")
      #expect(gradient.paddingIsZero)
    }
  }

  @Test(arguments: Numerics.all, cases)
  func withoutAGradientOfTheInputTheOthersAreTheSame(_ numerics: Numerics, _ test: Case) throws {
    let results = try [true, false].map { isWanted -> [[Float]] in
      let layers = Layers(test, numerics: numerics)
      projectBackward(
        RowSource(layers.x), Array(zip(layers.linears, layers.gradients)),
        into: isWanted ? Tensor(rows: test.rows, columns: test.inputs) : nil,
        adapterDropout: Self.key, scratch: Workspace(), in: try numerics.context())
      return layers.linears.flatMap(\.adapters).flatMap { [$0.down, $0.up] }
        .map { $0.gradient?.values ?? [] }
    }
    #expect(results[0] == results[1])
  }

  @Test(arguments: Numerics.all, cases)
  func whatForwardKeptGivesTheSameGradients(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let results = [true, false].map { isKept -> [[Float]] in
      let layers = Layers(test, numerics: numerics)
      let outputs = test.layers.map { Tensor(rows: test.rows, columns: $0.outputs) }
      let (kept, scratch) = (Workspace(), Workspace())
      defer { withExtendedLifetime(kept) {} }
      let operands = project(
        RowSource(layers.x), Array(zip(layers.linears, outputs)), adapterDropout: Self.key,
        keeping: isKept ? kept : nil, scratch: scratch, in: context)
      #expect(isKept || operands == nil)
      #expect(
        operands != nil || !isKept || !test.isPacked || test.rows <= 8
          || !context.multipliesNarrow)
      let dx = Tensor(rows: test.rows, columns: test.inputs)
      projectBackward(
        RowSource(layers.x), Array(zip(layers.linears, layers.gradients)), into: dx,
        adapterDropout: Self.key, operands: operands, scratch: scratch, in: context)
      let parameters = layers.linears.flatMap(\.adapters).flatMap { [$0.down, $0.up] }
      return ([dx] + parameters.compactMap(\.gradient)).map(\.values)
    }
    #expect(results[0] == results[1])
  }

  @Test(arguments: Numerics.all, cases)
  func threadsChangeNothing(_ numerics: Numerics, _ test: Case) throws {
    let results = try [1, 2].map { threads -> [[Float]] in
      let context = try numerics.context(threads: threads)
      let layers = Layers(test, numerics: numerics)
      let outputs = test.layers.map { Tensor(rows: test.rows, columns: $0.outputs) }
      project(
        RowSource(layers.x), Array(zip(layers.linears, outputs)), adapterDropout: Self.key,
        scratch: Workspace(), in: context)
      let dx = Tensor(rows: test.rows, columns: test.inputs)
      projectBackward(
        RowSource(layers.x), Array(zip(layers.linears, layers.gradients)), into: dx,
        adapterDropout: Self.key, scratch: Workspace(), in: context)
      let parameters = layers.linears.flatMap(\.adapters).flatMap { [$0.down, $0.up] }
      let tensors = outputs + [dx] + parameters.compactMap(\.gradient)
      return tensors.map(\.values)
    }
    #expect(results[0] == results[1])
  }

  @Test(arguments: Numerics.all, PackedGradientTests.formats)
  func adaptersWhoseUpIsZeroLeaveTheBits(_ numerics: Numerics, _ format: PanelFormat) throws {
    let context = try ComputeContext(
      threadCount: 2, precision: numerics.precision == .bf16 ? .automatic : .fp32,
      level: numerics.level)
    let matrix =
      if case .quantised = format {
        ProjectionTests.quantised(format, outputs: 50, inputs: 96).0
      } else {
        ProjectionTests.floats(format, outputs: 50, inputs: 96, seed: 1).0
      }
    var random = TestRandom(seed: 4)
    let adapter = LinearAdapter(
      down: random.parameter(rows: 8, columns: 96),
      up: Parameter(name: "up", value: Tensor(rows: 50, columns: 8), decays: true), scale: 2)
    let bias = random.parameter(rows: 1, columns: 50)
    for rows in [1, 8, 33] {
      let x = random.tensor(rows: rows, columns: 96)
      let results = [[], [adapter]].map { (adapters: [LinearAdapter]) -> [UInt32] in
        let y = Tensor(rows: rows, columns: 50)
        project(
          RowSource(x),
          [(Linear(weight: .packed(matrix), bias: bias, adapters: adapters), y)],
          scratch: Workspace(), in: context)
        return y.values.map(\.bitPattern)
      }
      #expect(results[0] == results[1], "\(rows) rows")
    }
  }
}

private func scaled(_ matrix: DoubleMatrix, _ factor: Float) -> DoubleMatrix {
  DoubleMatrix(
    rows: matrix.rows, columns: matrix.columns,
    elements: matrix.elements.map { $0 * Double(factor) })
}

/// Element by element.
private func times(_ left: DoubleMatrix, _ right: DoubleMatrix) -> DoubleMatrix {
  DoubleMatrix(
    rows: left.rows, columns: left.columns, elements: zip(left.elements, right.elements).map(*))
}
