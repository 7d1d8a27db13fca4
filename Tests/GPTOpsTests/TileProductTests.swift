import CKernels
import TestSupport
import Testing

/// The AMX level's tile walk, run on tiles in plain C, which abort where the instructions fault.
@Suite struct TileProductTests {
  static let rowCounts = [1, 2, 15, 16, 17, 31, 32, 33, 47, 64, 100]

  @Test(arguments: rowCounts, [1, 2, 3, 4])
  func tileProductsEqualDoublePrecision(rows: Int, panels: Int) {
    for depth in [32, 96, 160] {
      TileProduct(rows: rows, panels: panels, depth: depth).check(accumulates: false)
    }
  }

  @Test(arguments: rowCounts, [1, 2, 3, 4])
  func accumulatingTileProductsAddToWhatIsThere(rows: Int, panels: Int) {
    for depth in [32, 96, 160] {
      TileProduct(rows: rows, panels: panels, depth: depth).check(accumulates: true)
    }
  }
}

private struct TileProduct {
  let rows: Int
  let panels: Int
  let depth: Int
  private let x: [UInt16]
  private let weights: [UInt16]
  private let before: [Float]

  /// Floats between rows of y: sixteen columns more than the product has.
  private var stride: Int { panels * 16 + 16 }

  init(rows: Int, panels: Int, depth: Int) {
    self.rows = rows
    self.panels = panels
    self.depth = depth
    var random = TestRandom(seed: UInt64(rows * 10 + panels))
    func narrow(_ count: Int) -> [UInt16] {
      random.floats(count).map { UInt16($0.bitPattern >> 16) }
    }
    x = narrow(rows * depth)
    weights = narrow(panels * depth * 16)
    before = random.floats((rows + 1) * (panels * 16 + 16))
  }

  func check(accumulates: Bool) {
    let y = multiplied(accumulates: accumulates)
    var largest = 0.0
    var isUntouched = true
    for row in 0...rows {
      for output in 0..<stride {
        let place = row * stride + output
        guard row < rows, output < panels * 16 else {
          isUntouched = isUntouched && y[place] == before[place]
          continue
        }
        let expected = sum(row, output) + (accumulates ? Double(before[place]) : 0)
        let difference = abs(expected - Double(y[place]))
        largest = difference.isNaN ? .infinity : max(largest, difference)
      }
    }
    #expect(largest < 1e-4, "\(rows) × \(panels * 16) × \(depth): \(largest)")
    #expect(isUntouched)
  }

  private func multiplied(accumulates: Bool) -> [Float] {
    var y = before
    x.withUnsafeBufferPointer { x in
      weights.withUnsafeBufferPointer { weights in
        y.withUnsafeMutableBufferPointer { y in
          var product = gpt_bf16_product(
            x: x.baseAddress, x_stride: depth, rows: Int32(rows), panels: weights.baseAddress,
            panel_stride: depth * 32, panel_count: Int32(panels), depth: Int32(depth),
            y: y.baseAddress, y_stride: stride, accumulate: accumulates ? 1 : 0,
            bias: nil, addend: nil, addend_stride: 0)
          gpt_bf16_product_tiles_portable(&product)
        }
      }
    }
    return y
  }

  private func sum(_ row: Int, _ output: Int) -> Double {
    func value(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }
    return (0..<depth).reduce(0.0) { sum, k in
      let place = output / 16 * depth * 16 + k / 2 * 32 + output % 16 * 2 + k % 2
      return sum + value(x[row * depth + k]) * value(weights[place])
    }
  }
}
