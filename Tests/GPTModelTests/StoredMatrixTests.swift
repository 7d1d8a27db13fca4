import GPTModel
import GPTOps
import GPTTensor
import GPTWeights
import TestSupport
import Testing

/// Quantised weights that are multiplied where their file is mapped (`--low-memory`).
@Suite struct StoredMatrixTests {
  static let types = [DType.q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4K, .q6K]

  /// Outputs and blocks; nine blocks of 32 are one more than a kernel takes at a time.
  static let shapes = [(1, 1), (17, 3), (40, 9)]

  @Test(arguments: KernelLevel.available, types)
  func fewRowsOnTheGridGiveExactProducts(_ level: KernelLevel, _ type: DType) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    for (outputs, blocks) in Self.shapes {
      for place in PlacedBytes.Place.allCases {
        let stored = try Stored(type, outputs: outputs, blocks: blocks, place: place)
        for rows in 1...8 {
          let x = onGrid(rows: rows, columns: stored.inputs)
          let difference = stored.difference(of: x, in: context)
          #expect(difference < 5e-6, "[\(outputs), \(stored.inputs)] × \(rows): \(difference)")
        }
      }
    }
  }

  @Test(arguments: types) func rowsInAnotherOrderBecomeTheirOutputs(_ type: DType) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic)
    let order = (0..<40).map { Int32(($0 * 7 + 3) % 40) }
    let stored = try Stored(type, outputs: 40, blocks: 2, rowOfOutput: order)
    for rows in [1, 5, 20] {
      let x = onGrid(rows: rows, columns: stored.inputs)
      let difference = stored.difference(of: x, in: context)
      #expect(difference < (rows > 8 ? 8e-3 : 5e-6), "\(rows) rows: \(difference)")
    }
  }

  @Test(arguments: KernelLevel.available, types)
  func manyRowsGiveTheProductsOfFloats(_ level: KernelLevel, _ type: DType) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for (outputs, blocks) in Self.shapes {
      let stored = try Stored(type, outputs: outputs, blocks: blocks)
      for rows in [1, 9, 33] {
        var random = TestRandom(seed: 4)
        let x = random.tensor(rows: rows, columns: stored.inputs)
        // Scales of K formats are packed in fp16, which has 11 bits.
        let difference = stored.difference(of: x, in: context)
        #expect(difference < 1e-3, "[\(outputs), \(stored.inputs)] × \(rows): \(difference)")
      }
    }
  }

  @Test(arguments: KernelLevel.available, types)
  func aRowAloneEqualsTheSameRowAmongEightBitForBit(_ level: KernelLevel, _ type: DType) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    let stored = try Stored(type, outputs: 40, blocks: 9)
    var random = TestRandom(seed: 6)
    let x = random.tensor(rows: 8, columns: stored.inputs)
    let together = stored.multiplied(x, in: context)
    for row in 0..<8 {
      let values = Array(UnsafeBufferPointer(start: x.row(row), count: stored.inputs))
      let alone = stored.multiplied(Tensor(rows: 1, values: values), in: context)
      #expect(alone.map(\.bitPattern) == together[40 * row..<40 * row + 40].map(\.bitPattern))
    }
  }

  /// In a weight's scale and in a row.
  @Test(arguments: KernelLevel.available, types)
  func whatIsNoNumberGoesWhereThePortableKernelPutsIt(_ level: KernelLevel, _ type: DType) throws {
    for scale in [Float16.nan, .infinity] {
      let stored = try Stored(type, outputs: 20, blocks: 3, scaleOfOutput3: scale)
      for value in [Float(1), .nan, .infinity] {
        let x = onGrid(rows: 3, columns: stored.inputs)
        x.row(1)[20] = value
        let found = try [KernelLevel.portable, level].map { level in
          let context = try ComputeContext(threadCount: 1, precision: .automatic, level: level)
          return stored.multiplied(x, in: context).map { $0.isNaN ? .nan : $0 }
        }
        let kinds = found.map { $0.map(\.isFinite) }
        #expect(kinds[0] == kinds[1])
        #expect(!kinds[0][3] && kinds[0][2])
        #expect(value.isFinite == kinds[0][20])
      }
    }
  }

  /// The packed form and the file's own, few rows and many.
  @Test(arguments: [DType.q8_0, .q4_0, .q4_1, .q5_0, .q5_1])
  func aModelInLittleMemoryComputesTheSame(type: DType) throws {
    try withTemporaryFolder { scratch in
      let file = scratch + "/m.gguf"
      try SourceModel.open(path: GoldenModel.shipped).write(gguf: file, type: type)
      let tokens = (0..<30).map { Int32(($0 * 37 + 11) % 131) }
      for count in [1, 5, 30] {
        let logits = try [false, true].map { lowMemory in
          var options = ModelOptions()
          options.lowMemory = lowMemory
          options.threadCount = 2
          let transformer = try OpenedModel.open(path: file, options: options).transformer
          let cache = transformer.makeCache()
          return try transformer.forward(Array(tokens.prefix(count)), cache: cache, logits: .all)
        }
        let range = (logits[0].max() ?? 0) - (logits[0].min() ?? 0)
        let difference = largestDifference(logits[0], logits[1])
        // Where a row's rounding to 8 bits falls the other way, logits differ by that rounding.
        #expect(difference < (count > 8 ? 1e-5 : 2e-2) * range, "\(count): \(difference)")
      }
    }
  }

  /// Multiples of a scale: rounding loses nothing of them.
  private func onGrid(rows: Int, columns: Int) -> Tensor {
    var random = TestRandom(seed: 41)
    let x = Tensor(rows: rows, columns: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        x.row(row)[column] = column % 32 == 0 ? 127 : Float(Int(random.next() % 255) - 127)
      }
    }
    return x
  }
}

/// Random blocks in a file of their own, and the values they hold.
private struct Stored {
  let matrix: StoredMatrix
  let outputs: Int
  let inputs: Int
  /// `[outputs, inputs]`
  private let held: [Double]

  init(
    _ type: DType, outputs: Int, blocks: Int, place: PlacedBytes.Place = .odd,
    rowOfOutput: [Int32]? = nil, scaleOfOutput3: Float16? = nil
  ) throws {
    self.outputs = outputs
    let inputs = blocks * type.blockLength
    self.inputs = inputs
    let rowBytes = blocks * type.blockBytes
    var random = TestRandom(seed: UInt64(outputs + blocks))
    var encoded = (0..<outputs * rowBytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for block in 0..<outputs * blocks {
      for place in Self.factors(of: type) {
        var factor = Float16(random.float() * 0.1)
        if block / blocks == 3, place == Self.factors(of: type)[0] {
          factor = scaleOfOutput3 ?? factor
        }
        let start = block * type.blockBytes + place
        encoded[start] = UInt8(truncatingIfNeeded: factor.bitPattern)
        encoded[start + 1] = UInt8(factor.bitPattern >> 8)
      }
    }
    let placed = try PlacedBytes(encoded, at: place)
    let (file, bytes) = (placed.file, placed.bytes)
    let format = try #require(blockFormat(of: type))
    let tensor = StoredTensor(
      name: "w", dtype: type, shape: [outputs, inputs], bytes: bytes, file: file, location: "test")
    let values = tensor.dequantised()
    let rows = rowOfOutput?.map(Int.init) ?? Array(0..<outputs)
    held = rows.flatMap { values[$0 * inputs..<($0 + 1) * inputs].map(Double.init) }
    matrix = StoredMatrix(
      rows: bytes, in: file, outputs: outputs, inputs: inputs, dtype: type,
      format: .quantised(
        bits: format.codeBits, subBlockLength: format.subBlockLength, affine: format.hasMinimum,
        zero: format.zero),
      rowOfOutput: rowOfOutput,
      arrange: { panel, matrix in
        Self.arrange(tensor, rows: rows, panel: panel, into: matrix)
      })
  }

  /// Where fp16 factors lie in a block, the scale first.
  private static func factors(of type: DType) -> [Int] {
    switch type {
    case .q6K: [208]
    case .q4_1, .q5_1, .q4K: [0, 2]
    default: [0]
    }
  }

  private static func arrange(
    _ tensor: StoredTensor, rows: [Int], panel: Int, into matrix: PackedMatrix
  ) {
    guard let format = blockFormat(of: tensor.dtype), let base = tensor.bytes.baseAddress else {
      return
    }
    let inputs = tensor.columnCount
    let subBlocks = inputs / format.subBlockLength
    var codes = [UInt8](repeating: 0, count: 16 * inputs)
    var scales = [Float](repeating: 0, count: 16 * subBlocks)
    var minimums = scales
    for lane in 0..<16 where 16 * panel + lane < rows.count {
      codes.withUnsafeMutableBufferPointer { codes in
        scales.withUnsafeMutableBufferPointer { scales in
          minimums.withUnsafeMutableBufferPointer { minimums in
            guard let codes = codes.baseAddress, let scales = scales.baseAddress,
              let minimums = minimums.baseAddress
            else { return }
            format.decode(
              blocks: base + rows[16 * panel + lane] * tensor.rowBytes,
              count: inputs / format.blockLength, codes: codes + lane * inputs,
              scales: scales + lane * subBlocks, minimums: minimums + lane * subBlocks)
          }
        }
      }
    }
    matrix.packCodes(panel: panel, codes: codes, scales: scales, minimums: minimums)
  }

  func multiplied(_ x: Tensor, in context: ComputeContext) -> [Float] {
    let y = Tensor(rows: x.rows, columns: outputs)
    project(
      RowSource(x), [(Linear(weight: .stored(matrix), bias: nil), y)], scratch: Workspace(),
      in: context)
    return y.values
  }

  /// From the product in double precision, in parts of its largest element.
  func difference(of x: Tensor, in context: ComputeContext) -> Double {
    let found = multiplied(x, in: context)
    var (worst, largest) = (0.0, 1e-30)
    for row in 0..<x.rows {
      for output in 0..<outputs {
        let expected = (0..<inputs).reduce(0.0) {
          $0 + Double(x.row(row)[$1]) * held[output * inputs + $1]
        }
        let difference = abs(Double(found[row * outputs + output]) - expected)
        worst = difference.isNaN ? .infinity : max(worst, difference)
        largest = max(largest, abs(expected))
      }
    }
    return worst / largest
  }
}
