import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct ProjectionTests {
  static let shapes = [(1, 1), (16, 32), (17, 33), (50, 96), (3, 64), (130, 31)]
  static let rowCounts = [1, 2, 5, 8, 9, 33]

  /// A matrix of floats and the values it really holds.
  static func floats(_ format: PanelFormat, outputs: Int, inputs: Int, seed: UInt64)
    -> (PackedMatrix, [Double])
  {
    var random = TestRandom(seed: seed)
    let values = random.floats(outputs * inputs)
    let matrix = PackedMatrix(outputs: outputs, inputs: inputs, format: format)
    for panel in 0..<matrix.panelCount {
      var rows = [Float](repeating: 0, count: 16 * inputs)
      for lane in 0..<16 where panel * 16 + lane < outputs {
        for input in 0..<inputs {
          rows[lane * inputs + input] = values[(panel * 16 + lane) * inputs + input]
        }
      }
      matrix.packFloats(panel: panel, rows: rows, rowStride: inputs)
    }
    let held = values.map { value -> Double in
      switch format {
      case .f16: return Double(Float16(value))
      case .bf16: return Double(value.roundedToBF16)
      default: return Double(value)
      }
    }
    return (matrix, held)
  }

  @Test(arguments: KernelLevel.available, [PanelFormat.f32, .f16, .bf16])
  func floatProductsEqualDoublePrecision(_ level: KernelLevel, _ format: PanelFormat) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for (outputs, inputs) in Self.shapes {
      let (matrix, held) = Self.floats(format, outputs: outputs, inputs: inputs, seed: 7)
      for rows in Self.rowCounts {
        var random = TestRandom(seed: 11)
        let x = random.tensor(rows: rows, columns: inputs)
        let bias = random.tensor(rows: 1, columns: outputs)
        let y = Tensor(rows: rows, columns: outputs)
        project(
          RowSource(x),
          [
            (
              Linear(
                weight: .packed(matrix), bias: Parameter(name: "bias", value: bias, decays: false)),
              y
            )
          ], scratch: Workspace(), in: context)
        let plain = product(x.values, rows: rows, held, outputs: outputs)
        let expected = plain.enumerated().map { $1 + Double(bias.values[$0 % outputs]) }
        let difference = relativeDifference(y.values, expected)
        #expect(difference < 2e-6, "[\(outputs), \(inputs)] × \(rows): \(difference)")
      }
    }
  }

  @Test(arguments: KernelLevel.available)
  func narrowProductsStayWithinBf16Rounding(_ level: KernelLevel) throws {
    let context = try ComputeContext(threadCount: 2, precision: .bf16, level: level)
    for (outputs, inputs) in Self.shapes {
      let (matrix, held) = Self.floats(.bf16, outputs: outputs, inputs: inputs, seed: 3)
      var random = TestRandom(seed: 5)
      let x = random.tensor(rows: 33, columns: inputs)
      let y = Tensor(rows: 33, columns: outputs)
      project(
        RowSource(x), [(Linear(weight: .packed(matrix), bias: nil), y)], scratch: Workspace(),
        in: context)
      let expected = product(x.values, rows: 33, held, outputs: outputs)
      let difference = relativeDifference(y.values, expected)
      #expect(difference < 8e-3, "[\(outputs), \(inputs)]: \(difference)")
    }
  }

  static let quantisedFormats: [PanelFormat] = [4, 5, 6, 8].flatMap { bits in
    [32, 16].flatMap { length in
      [true, false].map { affine in
        .quantised(
          bits: bits, subBlockLength: length, affine: affine, zero: affine ? 0 : 1 << (bits - 1))
      }
    }
  }

  /// The same as bits, sub-blocks, affine, zero.
  static let quantisedFormatNumbers: [[Int32]] = quantisedFormats.compactMap { format in
    guard case .quantised(let bits, let length, let affine, let zero) = format else { return nil }
    return [Int32(bits), Int32(32 / length), affine ? 1 : 0, Int32(zero)]
  }

  /// A matrix with codes below 2^codeBits (as large as the format allows unless given) and its
  /// values.
  static func quantised(
    _ format: PanelFormat, outputs: Int, inputs: Int, codeBits: Int? = nil
  ) -> (PackedMatrix, [Double]) {
    guard case .quantised(let bits, let length, let affine, let zero) = format else {
      preconditionFailure("a quantised format")
    }
    var random = TestRandom(seed: 23)
    let matrix = PackedMatrix(outputs: outputs, inputs: inputs, format: format)
    var held = [Double](repeating: 0, count: outputs * inputs)
    for panel in 0..<matrix.panelCount {
      let subBlocks = inputs / length
      var codes = [UInt8](repeating: 0, count: 16 * inputs)
      var scales = [Float](repeating: 0, count: 16 * subBlocks)
      var minimums = scales
      for lane in 0..<16 where panel * 16 + lane < outputs {
        for index in 0..<subBlocks {
          scales[lane * subBlocks + index] = Float(Float16(random.float() * 0.1))
          minimums[lane * subBlocks + index] = Float(Float16(random.float()))
        }
        for input in 0..<inputs {
          let code = UInt8(truncatingIfNeeded: random.next() % (1 << (codeBits ?? bits)))
          codes[lane * inputs + input] = code
          let sub = lane * subBlocks + input / length
          held[(panel * 16 + lane) * inputs + input] =
            Double(scales[sub]) * Double(Int(code) - zero) + (affine ? Double(minimums[sub]) : 0)
        }
      }
      matrix.packCodes(panel: panel, codes: codes, scales: scales, minimums: minimums)
    }
    return (matrix, held)
  }

  @Test(arguments: KernelLevel.available, quantisedFormats)
  func productsAreAddedToAResidualInItsPlaceAndElsewhere(
    _ level: KernelLevel, _ format: PanelFormat
  ) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    let (outputs, inputs) = (50, 96)
    var random = TestRandom(seed: 5)
    let layer = Linear(
      weight: .packed(Self.quantised(format, outputs: outputs, inputs: inputs).0),
      bias: Parameter(
        name: "bias", value: random.tensor(rows: 1, columns: outputs), decays: false))
    for rows in Self.rowCounts {
      let source = RowSource(random.tensor(rows: rows, columns: inputs))
      let product = Tensor(rows: rows, columns: outputs)
      project(source, [(layer, product)], scratch: Workspace(), in: context)
      let x = random.tensor(rows: rows, columns: outputs)
      let expected = zip(x.values, product.values).map { Double($0) + Double($1) }
      for sum in [Tensor(rows: rows, columns: outputs), x] {
        project(source, through: layer, addedTo: x, into: sum, scratch: Workspace(), in: context)
        #expect(relativeDifference(sum.values, expected) < 1e-5, "\(rows) rows")
      }
    }
  }

  /// Products of random rows with a quantised matrix of each shape.
  private func expectProducts(
    _ format: PanelFormat, shapes: [(Int, Int)], rowCounts: [Int], within bound: Double,
    in context: ComputeContext
  ) {
    for (outputs, inputs) in shapes {
      let (matrix, held) = Self.quantised(format, outputs: outputs, inputs: inputs)
      for rows in rowCounts {
        var random = TestRandom(seed: 31)
        let x = random.tensor(rows: rows, columns: inputs)
        let y = Tensor(rows: rows, columns: outputs)
        project(
          RowSource(x), [(Linear(weight: .packed(matrix), bias: nil), y)], scratch: Workspace(),
          in: context)
        let expected = product(x.values, rows: rows, held, outputs: outputs)
        let difference = relativeDifference(y.values, expected)
        #expect(difference < bound, "[\(outputs), \(inputs)] × \(rows): \(difference)")
      }
    }
  }

  @Test(arguments: KernelLevel.available, quantisedFormats)
  func unpackedQuantisedProductsEqualDoublePrecision(_ level: KernelLevel, _ format: PanelFormat)
    throws
  {
    // One output may cancel to a tenth of its terms, so the bound is wider than for floats.
    expectProducts(
      format, shapes: [(1, 32), (17, 96), (64, 256)], rowCounts: Self.rowCounts, within: 2e-5,
      in: try ComputeContext(threadCount: 2, precision: .fp32, level: level))
  }

  /// Rows in 16 bits: the loss is 1/65024 of a block's largest at most.
  @Test(arguments: KernelLevel.available, quantisedFormats)
  func productsOfFewRowsStayWithinTheRoundingOfTheirRows(
    _ level: KernelLevel, _ format: PanelFormat
  ) throws {
    expectProducts(
      format, shapes: [(17, 96), (130, 256)], rowCounts: [1, 2, 3, 4, 5, 7, 8], within: 1e-4,
      in: try ComputeContext(threadCount: 2, precision: .automatic, level: level))
  }

  /// More rows than those.
  @Test(arguments: KernelLevel.available, quantisedFormats)
  func productsOfManyRowsStayWithinTheRoundingOfTheirRows(
    _ level: KernelLevel, _ format: PanelFormat
  ) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    // bf16 rounds to 1/256 of a value, 16 bits to 1/65534 of a block's largest.
    expectProducts(
      format, shapes: [(1, 32), (17, 96), (130, 256)], rowCounts: [9, 33, 130],
      within: context.quantisedProducts == .bf16 ? 8e-3 : 1e-4, in: context)
  }

  /// With activations that are whole multiples of a scale nothing is lost, so every level must give
  /// the exact product.
  @Test(arguments: KernelLevel.available, quantisedFormats)
  func integerProductsAreExactForActivationsOnTheGrid(_ level: KernelLevel, _ format: PanelFormat)
    throws
  {
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    // Whole multiples of a block's largest / 127, then of a 256th of that.
    for (outputs, inputs, fine) in [(1, 32, 1), (17, 96, 256), (64, 256, 1), (64, 256, 256)] {
      let (matrix, held) = Self.quantised(format, outputs: outputs, inputs: inputs)
      for rows in [1, 2, 3, 5, 8] {
        var random = TestRandom(seed: 41)
        let x = Tensor(rows: rows, columns: inputs)
        for row in 0..<rows {
          for column in 0..<inputs {
            let upper = Int(random.next() % 253) - 126
            let lower = (Int(random.next() % 255) - 127) * (fine - 1) / 255
            x.row(row)[column] = Float(column % 32 == 0 ? 127 * fine : upper * fine + lower)
          }
        }
        let y = Tensor(rows: rows, columns: outputs)
        project(
          RowSource(x), [(Linear(weight: .packed(matrix), bias: nil), y)], scratch: Workspace(),
          in: context)
        let expected = product(x.values, rows: rows, held, outputs: outputs)
        let difference = relativeDifference(y.values, expected)
        #expect(difference < 2e-6, "[\(outputs), \(inputs)] × \(rows): \(difference)")
      }
    }
  }

  @Test(arguments: KernelLevel.available, quantisedFormats + [.f32, .f16, .bf16])
  func aRowAloneEqualsTheSameRowAmongEightBitForBit(_ level: KernelLevel, _ format: PanelFormat)
    throws
  {
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    let matrix =
      if case .quantised = format { Self.quantised(format, outputs: 50, inputs: 96).0 } else {
        Self.floats(format, outputs: 50, inputs: 96, seed: 1).0
      }
    var random = TestRandom(seed: 2)
    let x = random.tensor(rows: 8, columns: 96)
    let together = Tensor(rows: 8, columns: 50)
    project(
      RowSource(x), [(Linear(weight: .packed(matrix), bias: nil), together)], scratch: Workspace(),
      in: context)
    for row in 0..<8 {
      let alone = Tensor(rows: 1, columns: 50)
      let single = Tensor(rows: 1, values: Array(UnsafeBufferPointer(start: x.row(row), count: 96)))
      project(
        RowSource(single), [(Linear(weight: .packed(matrix), bias: nil), alone)],
        scratch: Workspace(), in: context)
      let among = Array(UnsafeBufferPointer(start: together.row(row), count: 50))
      #expect(alone.values.map(\.bitPattern) == among.map(\.bitPattern))
    }
  }
}
