import CKernels
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Codes of 4, 5, 6 and 8 bits in panels, at every level that this machine has.
@Suite struct PackedCodesTests {
  static let widths = [4, 5, 6, 8]

  /// One panel of quantised weights and what went into it.
  private struct Panel {
    var format: gpt_quantised_format
    let blocks: Int
    /// `[16][32 · blocks]`
    let codes: [UInt8]
    var scales: [Float16]
    var minimums: [Float16]

    /// - Parameter extremes: what stands in place of random ones, as far as it goes; minimums have it
    ///   from their end on
    init(bits: Int, subBlocks: Int, affine: Bool, zero: Int, blocks: Int, extremes: [Float16] = [])
    {
      format = gpt_quantised_format(
        bits: Int32(bits), sub_blocks: Int32(subBlocks), affine: affine ? 1 : 0, zero: Int32(zero))
      self.blocks = blocks
      var random = TestRandom(seed: UInt64(bits * 10 + blocks))
      codes = (0..<512 * blocks).map { _ in UInt8(random.next() % (1 << bits)) }
      scales = (0..<16 * blocks * subBlocks).map { _ in Float16(random.float()) }
      minimums = scales.map { _ in affine ? Float16(random.float()) : 0 }
      for (index, value) in extremes.enumerated() {
        scales[index] = value
        minimums[minimums.count - 1 - index] = value
      }
    }

    func packed(by kernels: gpt_kernels) -> [UInt8] {
      packedPanel(
        format, codes: codes, scales: scales.map(Float.init), minimums: minimums.map(Float.init),
        blocks: blocks, by: kernels)
    }

    func value(lane: Int, input: Int) -> Float {
      let place = input * Int(format.sub_blocks) / 32 * 16 + lane
      let code = Float(Int(codes[lane * 32 * blocks + input]) - Int(format.zero))
      return Float(minimums[place]).addingProduct(Float(scales[place]), code)
    }

    /// Inputs one after the other, sixteen lanes each.
    var values: [Float] {
      (0..<32 * blocks).flatMap { input in (0..<16).map { value(lane: $0, input: input) } }
    }

    func wide(by kernels: gpt_kernels, stride: Int) -> [Float] {
      var format = format
      var out = [Float](repeating: -1, count: 32 * blocks * stride)
      kernels.unpack_f32(&format, packed(by: kernels), Int32(blocks), &out, stride)
      return (0..<32 * blocks).flatMap { out[$0 * stride..<$0 * stride + 16] }
    }

    func narrow(by kernels: gpt_kernels) -> [Float] {
      var format = format
      var out = [UInt16](repeating: 1, count: 512 * blocks)
      kernels.unpack_bf16(&format, packed(by: kernels), Int32(blocks), &out)
      return (0..<512 * blocks).map { index in
        let (input, lane) = (index / 16, index % 16)
        let bits = out[input / 2 * 32 + 2 * lane + input % 2]
        return Float(bitPattern: UInt32(bits) << 16)
      }
    }
  }

  private static func kernels(_ level: UInt32) throws -> gpt_kernels {
    try #require(gpt_kernels_of(gpt_level(rawValue: level))).pointee
  }

  @Test(arguments: IntegerKernelTests.levels, widths)
  func unpackedPanelsHoldEveryCodeAtItsPlace(level: UInt32, bits: Int) throws {
    for (blocks, stride) in [(1, 16), (2, 48), (5, 17)] {
      for (subBlocks, affine) in [(1, false), (1, true), (2, false), (2, true)] {
        let panel = Panel(
          bits: bits, subBlocks: subBlocks, affine: affine, zero: affine ? 0 : 1 << (bits - 1),
          blocks: blocks)
        let kernels = try Self.kernels(level)
        #expect(panel.wide(by: kernels, stride: stride) == panel.values)
        #expect(panel.narrow(by: kernels) == panel.values.map(\.roundedToBF16))
      }
    }
  }

  @Test(arguments: IntegerKernelTests.levels, widths + [8])
  func panelsArePackedAsThePortableKernelPacksThem(level: UInt32, bits: Int) throws {
    let kernels = try Self.kernels(level)
    let portable = try Self.kernels(GPT_LEVEL_PORTABLE.rawValue)
    for blocks in [1, 2, 3, 8] {
      for (subBlocks, affine) in [(1, false), (1, true), (2, false), (2, true)] {
        let panel = Panel(
          bits: bits, subBlocks: subBlocks, affine: affine, zero: 0, blocks: blocks)
        #expect(
          panel.packed(by: kernels) == panel.packed(by: portable),
          "\(blocks) blocks, \(subBlocks) scales")
      }
    }
  }

  @Test(arguments: IntegerKernelTests.levels, widths)
  func scalesAreRoundedAndLieBehindTheirBlocksCodes(level: UInt32, bits: Int) throws {
    let kernels = try Self.kernels(level)
    var random = TestRandom(seed: 8)
    for (blocks, subBlocks) in [(1, 1), (15, 1), (16, 1), (17, 1), (9, 2)] {
      let count = blocks * subBlocks
      var scales = random.floats(16 * count)
      let minimums = random.floats(16 * count)
      scales[0] = .infinity
      scales[count] = 70_000
      scales[2 * count] = 1e-7
      scales[3 * count] = .nan
      let format = gpt_quantised_format(
        bits: Int32(bits), sub_blocks: Int32(subBlocks), affine: 1, zero: 0)
      let packed = packedPanel(
        format, codes: [UInt8](repeating: 0, count: 512 * blocks), scales: scales,
        minimums: minimums, blocks: blocks, rowByRow: true, by: kernels)
      for (kind, factors) in [scales, minimums].enumerated() {
        for row in 0..<16 {
          for index in 0..<count {
            let block = index / subBlocks * (64 * bits + 64 * subBlocks)
            let place = block + 64 * bits + 32 * (kind * subBlocks + index % subBlocks) + 2 * row
            let found = Float16(
              bitPattern: UInt16(packed[place]) | UInt16(packed[place + 1]) << 8)
            let expected = Float16(factors[row * count + index])
            #expect(found == expected || found.isNaN && expected.isNaN)
          }
        }
      }
    }
  }

  @Test(arguments: IntegerKernelTests.levels, widths)
  func extremeScalesAreUnpackedAsIEEESaysTheyAre(level: UInt32, bits: Int) throws {
    let extremes: [Float16] = [
      .nan, -.nan, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
    ]
    let panel = Panel(
      bits: bits, subBlocks: 1, affine: true, zero: 0, blocks: 1, extremes: extremes)
    let kernels = try Self.kernels(level)
    for (found, expected) in [
      (panel.wide(by: kernels, stride: 16), panel.values),
      (panel.narrow(by: kernels), panel.values.map { $0.isNaN ? $0 : $0.roundedToBF16 }),
    ] {
      for (one, other) in zip(found, expected) {
        #expect(one.isNaN == other.isNaN && (one.isNaN || one.bitPattern == other.bitPattern))
      }
    }
  }

  @Test(arguments: KernelLevel.available, ProjectionTests.quantisedFormats)
  func productsEqualThoseOfTheSameCodesInEightBits(_ level: KernelLevel, _ format: PanelFormat)
    throws
  {
    guard case .quantised(let bits, let length, let affine, let zero) = format, bits < 8 else {
      return
    }
    let wide = PanelFormat.quantised(bits: 8, subBlockLength: length, affine: affine, zero: zero)
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    for (outputs, inputs) in [(1, 32), (17, 96), (64, 256)] {
      let matrices = [
        ProjectionTests.quantised(format, outputs: outputs, inputs: inputs).0,
        ProjectionTests.quantised(wide, outputs: outputs, inputs: inputs, codeBits: bits).0,
      ]
      for rows in [1, 2, 3, 4, 7, 8, 9, 33] {
        var random = TestRandom(seed: UInt64(rows))
        let x = random.tensor(rows: rows, columns: inputs)
        let found = matrices.map { matrix in
          let y = Tensor(rows: rows, columns: outputs)
          project(
            RowSource(x), [(Linear(weight: .packed(matrix), bias: nil), y)], scratch: Workspace(),
            in: context)
          return y.values
        }
        // AVX2 multiplies codes of 8 bits less 128, which rounds their offsets otherwise.
        let isNear = relativeDifference(found[0], found[1].map(Double.init)) < 1e-5
        #expect(
          found[0] == found[1] || level == .avx2 && isNear, "[\(outputs), \(inputs)] × \(rows)")
      }
    }
  }

  /// Narrow codes are summed in 16 bits by some levels.
  @Test(arguments: KernelLevel.available, widths)
  func sumsOfTheLargestCodesDoNotOverflow(_ level: KernelLevel, bits: Int) throws {
    let context = try ComputeContext(threadCount: 1, precision: .automatic, level: level)
    let inputs = 96
    let largest = (1 << bits) - 1
    let matrix = PackedMatrix(
      outputs: 16, inputs: inputs,
      format: .quantised(bits: bits, subBlockLength: 32, affine: false, zero: 0))
    matrix.packCodes(
      panel: 0, codes: [UInt8](repeating: UInt8(largest), count: 16 * inputs),
      scales: [Float](repeating: 1, count: 16 * inputs / 32), minimums: [0])
    for activation in [Float(127), -127] {
      for rows in [1, 2, 4] {
        let x = Tensor(
          rows: rows, values: [Float](repeating: activation, count: rows * inputs))
        let y = Tensor(rows: rows, columns: 16)
        project(
          RowSource(x), [(Linear(weight: .packed(matrix), bias: nil), y)], scratch: Workspace(),
          in: context)
        #expect(y.values.allSatisfy { $0 == activation * Float(largest * inputs) })
      }
    }
  }
}

/// A quantised panel as the kernels of a level pack it.
///
/// - Parameters:
///   - codes: `[16][32 · blocks]`
///   - scales: `[block][sub-block][16]`, as are the minimums
///   - rowByRow: scales and minimums are `[16][block][sub-block]` instead
func packedPanel(
  _ format: gpt_quantised_format, codes: [UInt8], scales: [Float], minimums: [Float], blocks: Int,
  rowByRow: Bool = false, by kernels: gpt_kernels
) -> [UInt8] {
  let count = blocks * Int(format.sub_blocks)
  func rows(_ factors: [Float]) -> [Float] {
    rowByRow ? factors : (0..<16 * count).map { factors[$0 % count * 16 + $0 / count] }
  }
  var format = format
  // What is behind the panel stays as it is.
  let bytes = Int(gpt_quantised_block_bytes(format)) * blocks
  var packed = [UInt8](repeating: 77, count: bytes + 64)
  kernels.pack_panel(
    &format, codes, 32 * blocks, rows(scales), rows(minimums), count, Int32(blocks), &packed)
  #expect(packed[bytes...].allSatisfy { $0 == 77 })
  return Array(packed[..<bytes])
}
