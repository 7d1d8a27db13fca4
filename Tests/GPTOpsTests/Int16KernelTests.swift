import CKernels
import GPTTensor
import TestSupport
import Testing

/// Products of rows in 16 bits with codes, at every level that this machine has.
@Suite struct Int16KernelTests {
  static let levels = IntegerKernelTests.levels

  private static func kernels(_ level: UInt32) throws -> gpt_kernels {
    try #require(gpt_kernels_of(gpt_level(rawValue: level))).pointee
  }

  /// One row in whole blocks, its codes back in order.
  private struct Row {
    var codes: [Int16]
    var scales: [Float]
    var sums: [Float]
    var blockSums: [Float]

    init(_ values: [Float], by kernels: gpt_kernels) {
      let blocks = values.count / 32
      codes = [Int16](repeating: 1, count: values.count)
      scales = [Float](repeating: -1, count: blocks)
      sums = [Float](repeating: -1, count: 2 * blocks)
      blockSums = scales
      kernels.code_row_int16(values, Int32(blocks), &codes, &scales, &sums, &blockSums)
    }

    func code(_ input: Int) -> Int { Int(codes[input / 4 * 4 + [0, 2, 1, 3][input % 4]]) }
  }

  @Test(arguments: levels, [1, 2, 7])
  func codesAreTheNearestMultiplesOfTheBlocksScale(level: UInt32, blocks: Int) throws {
    var random = TestRandom(seed: UInt64(blocks))
    let values = random.floats(32 * blocks)
    let row = Row(values, by: try Self.kernels(level))
    for block in 0..<blocks {
      let largest = values[32 * block..<32 * block + 32].map(abs).max() ?? 0
      let scale = row.scales[block]
      #expect(row.blockSums[block] == row.sums[2 * block] + row.sums[2 * block + 1])
      #expect(abs(scale - largest / 32767) <= largest * 1e-10)
      for half in 0..<2 {
        let inputs = 32 * block + 16 * half..<32 * block + 16 * half + 16
        for input in inputs {
          // The factor 32767 / largest is a float itself, which moves a code by 0.004 at most.
          #expect(abs(scale * Float(row.code(input)) - values[input]) <= scale * 0.505)
        }
        #expect(row.sums[2 * block + half] == scale * Float(inputs.reduce(0) { $0 + row.code($1) }))
      }
    }
  }

  @Test(arguments: levels, [Float.nan, -.nan, .infinity, -.infinity])
  func whatIsNoNumberMakesItsBlockNaNAndNoOther(level: UInt32, value: Float) throws {
    var values = [Float](repeating: 1, count: 96)
    values[40] = value
    let row = Row(values, by: try Self.kernels(level))
    #expect(row.scales.map(\.isNaN) == [false, true, false])
    #expect(row.sums.map(\.isNaN) == [false, false, true, true, false, false])
  }

  @Test(arguments: levels)
  func zerosAndTheSmallestNumbersAreZero(level: UInt32) throws {
    let values =
      [Float](repeating: 0, count: 32)
      + [Float](repeating: .leastNonzeroMagnitude, count: 32)
    let row = Row(values, by: try Self.kernels(level))
    #expect(row.codes.allSatisfy { $0 == 0 })
    #expect(row.sums.allSatisfy { $0 == 0 })
  }

  @Test(arguments: levels, ProjectionTests.quantisedFormatNumbers)
  func panelsHoldEveryCodeLessItsZero(level: UInt32, format: [Int32]) throws {
    for blocks in [1, 2, 5] {
      let panel = Panel(format, blocks: blocks, seed: 3)
      let (found, scales, minimums) = panel.unpacked(by: try Self.kernels(level))
      #expect(scales == panel.scales)
      if panel.format.affine != 0 { #expect(minimums == panel.minimums) }
      for input in 0..<32 * blocks {
        for lane in 0..<16 {
          let place = input / 4 * 64 + input % 4 % 2 * 32 + lane * 2 + input % 4 / 2
          #expect(Int(found[place]) == panel.code(lane, input))
        }
      }
    }
  }

  /// The largest codes on both sides among them: a block's sum must not leave its 32 bits.
  @Test(arguments: levels, ProjectionTests.quantisedFormatNumbers)
  func productsAreSumsOfScaledIntegerSums(level: UInt32, format: [Int32]) throws {
    let kernels = try Self.kernels(level)
    for (rows, panels, blocks) in [(1, 1, 1), (3, 2, 2), (4, 1, 3), (70, 3, 2)] {
      let product = Int16Product(format, rows: rows, panels: panels, blocks: blocks, by: kernels)
      let difference = relativeDifference(product.multiplied(by: kernels), product.expected)
      #expect(difference < 2e-5, "\(rows) × \(16 * panels) × \(32 * blocks): \(difference)")
      let sums = product.multiplied(by: kernels, onto: 3)
      #expect(relativeDifference(sums, product.expected.map { $0 + 3 }) < 2e-5)
      let bias = (0..<16 * panels).map { Float($0) / 8 }
      for start in [nil, Float(3)] {
        let found = product.multiplied(by: kernels, onto: start, bias: bias)
        let expected = product.expected.enumerated().map { index, sum in
          sum + Double(start ?? 0) + Double(bias[index % bias.count])
        }
        #expect(relativeDifference(found, expected) < 2e-5)
      }
    }
  }

  /// A panel of codes, the first lane's all as far from zero as they can be.
  struct Panel {
    let format: gpt_quantised_format
    let blocks: Int
    private let codes: [UInt8]
    /// `[block][sub-block][16]`, as are the minimums.
    let scales: [Float]
    let minimums: [Float]

    /// - Parameter numbers: bits, sub-blocks, affine, zero
    init(_ numbers: [Int32], blocks: Int, seed: UInt64) {
      format = gpt_quantised_format(
        bits: numbers[0], sub_blocks: numbers[1], affine: numbers[2], zero: numbers[3])
      self.blocks = blocks
      var random = TestRandom(seed: seed)
      let (bits, zero) = (numbers[0], numbers[3])
      codes = (0..<512 * blocks).map { index in
        index < 32 * blocks
          ? (zero > 0 ? 0 : UInt8((1 << bits) - 1)) : UInt8(random.next() % (1 << UInt64(bits)))
      }
      let count = 16 * blocks * Int(numbers[1])
      scales = random.floats(count).map { Float(Float16($0)) }
      minimums = random.floats(count).map { Float(Float16($0)) }
    }

    func code(_ lane: Int, _ input: Int) -> Int {
      Int(codes[lane * 32 * blocks + input]) - Int(format.zero)
    }

    func unpacked(
      by kernels: gpt_kernels
    ) -> (codes: [Int16], scales: [Float], minimums: [Float]) {
      let packed = packedPanel(
        format, codes: codes, scales: scales, minimums: minimums, blocks: blocks, by: kernels)
      var format = format
      var out = [Int16](repeating: 99, count: 512 * blocks)
      var (scales, minimums) = (scales.map { _ in Float(99) }, minimums.map { _ in Float(99) })
      kernels.unpack_int16(&format, packed, Int32(blocks), &out, &scales, &minimums)
      return (out, scales, minimums)
    }
  }

  private struct Int16Product {
    let x: [Row]
    let panels: [Panel]
    let blocks: Int

    init(_ format: [Int32], rows: Int, panels: Int, blocks: Int, by kernels: gpt_kernels) {
      self.blocks = blocks
      var random = TestRandom(seed: 8)
      x = (0..<rows).map { row in
        let values = random.floats(32 * blocks)
        return Row(row == 0 ? values.map { _ in 1 } : values, by: kernels)
      }
      self.panels = (0..<panels).map { Panel(format, blocks: blocks, seed: UInt64($0)) }
    }

    /// - Parameter start: what the product is added to; nil: it is overwritten
    func multiplied(
      by kernels: gpt_kernels, onto start: Float? = nil, bias: [Float]? = nil
    ) -> [Float] {
      let bias = bias.map(Memory.init)
      let format = panels[0].format
      let codes = Memory(panels.flatMap { $0.unpacked(by: kernels).codes })
      let scales = Memory(panels.flatMap(\.scales))
      let minimums = Memory(panels.flatMap(\.minimums))
      let rowCodes = Memory(x.flatMap(\.codes))
      let (rowScales, rowSums) = (Memory(x.flatMap(\.scales)), Memory(x.flatMap(\.sums)))
      let blockSums = Memory(x.flatMap(\.blockSums))
      let y = Memory([Float](repeating: start ?? .nan, count: x.count * 16 * panels.count))
      var product = gpt_int16_product(
        x: gpt_int16_rows(
          codes: rowCodes.pointer, code_stride: 32 * blocks, scales: rowScales.pointer,
          scale_stride: blocks, sums: rowSums.pointer, block_sums: blockSums.pointer),
        rows: Int32(x.count), panels: codes.pointer, panel_stride: 512 * blocks,
        scales: scales.pointer,
        minimums: format.affine != 0 ? UnsafePointer(minimums.pointer) : nil,
        scale_stride: 16 * blocks * Int(format.sub_blocks), sub_blocks: format.sub_blocks,
        panel_count: Int32(panels.count), blocks: Int32(blocks), y: y.pointer,
        y_stride: 16 * panels.count, accumulate: start == nil ? 0 : 1,
        bias: bias.map { UnsafePointer($0.pointer) })
      withExtendedLifetime(
        (codes, scales, minimums, rowCodes, rowScales, rowSums, blockSums, bias)
      ) {
        kernels.int16_product(&product)
      }
      return y.values
    }

    var expected: [Double] {
      x.flatMap { row in
        panels.flatMap { panel in (0..<16).map { self.sum(row, panel, lane: $0) } }
      }
    }

    private func sum(_ row: Row, _ panel: Panel, lane: Int) -> Double {
      (0..<32 * blocks).reduce(0.0) { sum, input in
        let place = input * Int(panel.format.sub_blocks) / 32 * 16 + lane
        let value = Double(row.scales[input / 32]) * Double(row.code(input))
        let minimum = panel.format.affine != 0 ? Double(panel.minimums[place]) : 0
        return sum + value
          * (Double(panel.scales[place]) * Double(panel.code(lane, input)) + minimum)
      }
    }
  }
}

/// Numbers that a kernel reads or writes, exactly as many as there are.
private final class Memory<Element> {
  let pointer: UnsafeMutablePointer<Element>
  private let count: Int

  init(_ values: [Element]) {
    count = values.count
    pointer = .allocate(capacity: count)
    pointer.initialize(from: values, count: count)
  }

  deinit { pointer.deallocate() }

  var values: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
