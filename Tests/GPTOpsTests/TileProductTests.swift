import CKernels
import TestSupport
import Testing

/// The AMX level's tile walk, run on tiles in plain C, which abort where the instructions fault.
@Suite struct TileProductTests {
  @Test(arguments: [1, 2, 15, 16, 17, 31, 32, 33, 47, 64, 100], [1, 2, 3, 4])
  func tileProductsEqualDoublePrecision(rows: Int, panels: Int) {
    for depth in [32, 96, 160] {
      var random = TestRandom(seed: UInt64(rows * 10 + panels))
      func narrow(_ count: Int) -> [UInt16] {
        random.floats(count).map { UInt16($0.bitPattern >> 16) }
      }
      let x = narrow(rows * depth)
      let weights = narrow(panels * depth * 16)
      let stride = panels * 16 + 16
      var y = [Float](repeating: 7, count: (rows + 1) * stride)
      x.withUnsafeBufferPointer { x in
        weights.withUnsafeBufferPointer { weights in
          y.withUnsafeMutableBufferPointer { y in
            var product = gpt_bf16_product(
              x: x.baseAddress, x_stride: depth, rows: Int32(rows), panels: weights.baseAddress,
              panel_stride: depth * 32, panel_count: Int32(panels), depth: Int32(depth),
              y: y.baseAddress, y_stride: stride, accumulate: 0)
            gpt_bf16_product_tiles_portable(&product)
          }
        }
      }
      func value(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }
      var largest = 0.0
      for row in 0..<rows {
        for output in 0..<panels * 16 {
          let panel = weights[(output / 16 * depth * 16)...]
          let expected = (0..<depth).reduce(0.0) { sum, k in
            let place = panel.startIndex + k / 2 * 32 + output % 16 * 2 + k % 2
            return sum + value(x[row * depth + k]) * value(weights[place])
          }
          largest = max(largest, abs(expected - Double(y[row * stride + output])))
        }
      }
      #expect(largest < 1e-4, "\(rows) × \(panels * 16) × \(depth): \(largest)")
      let untouched =
        (0..<rows).allSatisfy { y[$0 * stride + panels * 16] == 7 } && y[rows * stride] == 7
      #expect(untouched)
    }
  }
}
