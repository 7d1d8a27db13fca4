import CKernels
import GPTTensor
import TestSupport
import Testing

/// Products of 8-bit rows and panels, at every level that this machine has.
@Suite struct IntegerKernelTests {
  static let levels = [GPT_LEVEL_PORTABLE, GPT_LEVEL_AVX2, GPT_LEVEL_AVX512, GPT_LEVEL_AMX]
    .map(\.rawValue).filter { gpt_kernels_of(gpt_level(rawValue: $0)) != nil }
  static let block = Int(GPT_INTEGER_BLOCK)

  private static func kernels(_ level: UInt32) throws -> gpt_kernels {
    try #require(gpt_kernels_of(gpt_level(rawValue: level))).pointee
  }

  /// The codes and scales of one row, and the row with zeros to whole blocks.
  private static func coded(
    _ values: [Float], by kernels: gpt_kernels
  ) -> (codes: [UInt8], scales: [Float], padded: [Float]) {
    let blocks = (values.count + block - 1) / block
    let padded = values + [Float](repeating: 0, count: blocks * block - values.count)
    var codes = [UInt8](repeating: 1, count: blocks * block)
    var scales = [Float](repeating: -1, count: blocks)
    kernels.code_row(padded, Int32((values.count + 15) & ~15), &codes, &scales)
    return (codes, scales, padded)
  }

  @Test(arguments: levels, [1, 16, 17, 63, 64, 65, 200])
  func codesAreTheNearestMultiplesOfTheBlocksScale(level: UInt32, count: Int) throws {
    var random = TestRandom(seed: UInt64(count))
    let row = Self.coded(random.floats(count), by: try Self.kernels(level))
    for index in row.padded.indices {
      let first = index / Self.block * Self.block
      let largest = row.padded[first..<first + Self.block].map(abs).max() ?? 0
      let scale = row.scales[index / Self.block]
      #expect(abs(scale - largest / 127) <= largest * 1e-7)
      let value = scale * Float(Int(row.codes[index]) - 128)
      #expect(abs(value - row.padded[index]) <= scale * 0.5001)
    }
  }

  @Test(arguments: levels, [Float.nan, -.nan, .infinity, -.infinity])
  func whatIsNoNumberMakesItsBlockNaNAndNoOther(level: UInt32, value: Float) throws {
    var values = [Float](repeating: 1, count: 192)
    values[70] = value
    let row = Self.coded(values, by: try Self.kernels(level))
    #expect(row.scales.map(\.isNaN) == [false, true, false])
  }

  @Test(arguments: levels)
  func zerosAndTheSmallestNumbersAreZero(level: UInt32) throws {
    let values =
      [Float](repeating: 0, count: 64)
      + [Float](repeating: .leastNonzeroMagnitude, count: 64)
    let row = Self.coded(values, by: try Self.kernels(level))
    #expect(row.codes.allSatisfy { $0 == 128 })
    #expect(row.scales[0] == 0 && row.scales[1] < .leastNormalMagnitude)
  }

  @Test(arguments: levels, [1, 2, 3, 5, 6, 7, 13, 97])
  func productsAreSumsOfScaledIntegerSums(level: UInt32, rows: Int) throws {
    let kernels = try Self.kernels(level)
    for (panels, depth) in [(1, 1), (1, 64), (2, 65), (3, 200), (5, 128)] {
      for accumulates in [false, true] {
        let product = IntegerProduct(rows: rows, panels: panels, depth: depth)
        let found = product.multiplied(by: kernels, accumulates: accumulates)
        let difference = relativeDifference(found, product.expected(accumulates: accumulates))
        #expect(difference < 2e-6, "\(rows) × \(16 * panels) × \(depth), \(accumulates)")
      }
    }
  }
}

/// Rows and panels with their codes; panels are packed from columns (even ones) and rows (odd).
private struct IntegerProduct {
  let rows: Int
  let panels: Int
  let depth: Int
  let blocks: Int
  private let x: [Float]
  private let weights: [Float]
  private let before: [Float]
  private let bias: [Float]
  private let memory: Memory

  private static let block = IntegerKernelTests.block

  /// What kernels read and write.
  private struct Memory {
    let codes: AlignedBuffer
    let scales: AlignedBuffer
    let panelCodes: AlignedBuffer
    let panelScales: AlignedBuffer
    let offsets: AlignedBuffer
    let y: AlignedBuffer
    let bias: AlignedBuffer
    let addend: AlignedBuffer
  }

  init(rows: Int, panels: Int, depth: Int) {
    (self.rows, self.panels, self.depth) = (rows, panels, depth)
    blocks = (depth + Self.block - 1) / Self.block
    var random = TestRandom(seed: UInt64(rows * 100 + depth))
    x = random.floats(rows * depth)
    weights = random.floats(16 * panels * depth)
    before = random.floats(rows * panels * 16)
    bias = random.floats(panels * 16)
    let count = panels * blocks * 16
    memory = Memory(
      codes: AlignedBuffer(byteCount: rows * blocks * Self.block),
      scales: AlignedBuffer(byteCount: rows * blocks * 4),
      panelCodes: AlignedBuffer(byteCount: count * Self.block),
      panelScales: AlignedBuffer(byteCount: count * 4),
      offsets: AlignedBuffer(byteCount: count * 4),
      y: AlignedBuffer(byteCount: before.count * 4),
      bias: AlignedBuffer(byteCount: bias.count * 4),
      addend: AlignedBuffer(byteCount: before.count * 4))
    memory.y.pointer(Float.self).update(from: before, count: before.count)
    memory.addend.pointer(Float.self).update(from: before, count: before.count)
    memory.bias.pointer(Float.self).update(from: bias, count: bias.count)
  }

  func multiplied(by kernels: gpt_kernels, accumulates: Bool) -> [Float] {
    pack(by: kernels)
    let stride = blocks * 16
    let y = memory.y.pointer(Float.self)
    var product = gpt_integer_product(
      x: gpt_integer_rows(
        codes: memory.codes.pointer(UInt8.self), code_stride: blocks * Self.block,
        scales: memory.scales.pointer(Float.self), scale_stride: blocks),
      rows: Int32(rows), panels: memory.panelCodes.pointer(Int8.self),
      panel_stride: stride * Self.block, scales: memory.panelScales.pointer(Float.self),
      offsets: memory.offsets.pointer(Int32.self), scale_stride: stride,
      panel_count: Int32(panels), blocks: Int32(blocks), y: y, y_stride: panels * 16,
      accumulate: accumulates ? 1 : 0, bias: memory.bias.pointer(Float.self),
      addend: memory.addend.pointer(Float.self), addend_stride: panels * 16)
    kernels.integer_product(&product)
    return (0..<before.count).map { y[$0] }
  }

  private func pack(by kernels: gpt_kernels) {
    for row in 0..<rows {
      let values =
        Array(x[row * depth..<(row + 1) * depth])
        + [Float](repeating: 0, count: blocks * Self.block - depth)
      kernels.code_row(
        values, Int32((depth + 15) & ~15),
        memory.codes.pointer(UInt8.self) + row * blocks * Self.block,
        memory.scales.pointer(Float.self) + row * blocks)
    }
    for panel in 0..<panels {
      let place = panel * blocks * 16
      let codes = memory.panelCodes.pointer(Int8.self) + place * Self.block
      let scales = memory.panelScales.pointer(Float.self) + place
      let offsets = memory.offsets.pointer(Int32.self) + place
      if panel % 2 == 0 {
        kernels.pack_columns_int8(columns(panel), Int32(depth), codes, scales, offsets)
      } else {
        let stride = (depth + 15) & ~15
        kernels.pack_rows_int8(
          lanes(panel, stride: stride), stride, Int32(depth), codes, scales, offsets)
      }
    }
  }

  private func weight(_ output: Int, _ k: Int) -> Float { weights[output * depth + k] }

  /// `[depth][16]`
  private func columns(_ panel: Int) -> [Float] {
    (0..<depth).flatMap { k in (0..<16).map { weight(16 * panel + $0, k) } }
  }

  /// `[16][stride]`
  private func lanes(_ panel: Int, stride: Int) -> [Float] {
    (0..<16).flatMap { lane in
      (0..<stride).map { $0 < depth ? weight(16 * panel + lane, $0) : 0 }
    }
  }

  /// Of the codes that were packed.
  func expected(accumulates: Bool) -> [Double] {
    (0..<rows).flatMap { row in
      (0..<16 * panels).map { output in
        let start = Double(before[row * 16 * panels + output])
        return sum(row, output) + start + (accumulates ? 0 : Double(bias[output]))
      }
    }
  }

  private func sum(_ row: Int, _ output: Int) -> Double {
    let (panel, lane) = (output / 16, output % 16)
    return (0..<blocks).reduce(0.0) { sum, block in
      let place = panel * blocks + block
      let codes = memory.panelCodes.pointer(Int8.self) + place * 16 * Self.block
      let own = memory.codes.pointer(UInt8.self) + (row * blocks + block) * Self.block
      let total = (0..<Self.block).reduce(0) {
        $0 + (Int(own[$1]) - 128) * Int(codes[$1 / 4 * 64 + lane * 4 + $1 % 4])
      }
      return sum
        + Double(memory.scales.pointer(Float.self)[row * blocks + block])
        * Double(memory.panelScales.pointer(Float.self)[place * 16 + lane]) * Double(total)
    }
  }
}
