import GPTTensor

/// A packed weight `[N, K]` as the right side of a product whose depth is its outputs, unpacked
/// tile by tile.
struct WeightTiles {
  let weight: any WeightPanels
  /// Sixteen inputs each.
  let panels: Range<Int>
  /// Outputs of a tile, a multiple of 16.
  let length: Int
  let scratch: UnsafeMutablePointer<Float>
  let context: ComputeContext

  /// Floats that tiles of some panels need: of two panels at least, as blocks have 32 inputs.
  static func scratchCount(panels: Int, length: Int) -> Int { (panels + 1) / 2 * 32 * length }

  /// Calls `body` for every 16 inputs of `panels` and `length` outputs of `depths`, with their fp32
  /// rows `[16][length]`: row after row an input, along it outputs.
  ///
  /// Packed panels of 16 outputs are unpacked beside each other into `scratch`, so that no more of
  /// a weight ever exists in another form.
  func forEach(
    depths: Range<Int>, _ body: (_ panel: Int, _ depth: Int, UnsafePointer<Float>) -> Void
  ) {
    precondition(panels.lowerBound % 2 == 0, "panels \(panels) begin inside a block")
    let blocks = panels.lowerBound / 2..<(panels.upperBound + 1) / 2
    for first in stride(from: 0, to: depths.count, by: length) {
      for part in 0..<length / 16 {
        let panel = (depths.lowerBound + first) / 16 + part
        if panel < weight.panelCount {
          weight.widen(
            panel: panel, blocks: blocks, into: scratch + 16 * part, stride: length, in: context)
        } else {
          for row in 0..<32 * blocks.count {
            (scratch + length * row + 16 * part).update(repeating: 0, count: 16)
          }
        }
      }
      for index in 0..<panels.count { body(index, first, scratch + 16 * length * index) }
    }
  }
}
