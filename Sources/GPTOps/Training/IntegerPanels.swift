import CKernels
import GPTTensor

/// Panels of a quantised weight as 8-bit integers with a scale per block of 64 depth steps.
///
/// A weight's own blocks cannot serve: they run along its inputs and have 16 or 32 of them, while
/// the depth of backward's products are its outputs. Written before they are shared, then only read.
struct IntegerPanels: @unchecked Sendable {
  let codes: UnsafeMutablePointer<Int8>
  let scales: UnsafeMutablePointer<Float>
  let offsets: UnsafeMutablePointer<Int32>
  /// Blocks of a panel.
  let blocks: Int

  private static let block = IntegerRows.block

  var panelStride: Int { 16 * IntegerPanels.block * blocks }

  static func byteCount(panels: Int, blocks: Int) -> Int { panels * blocks * 16 * (block + 8) }

  init(panels: Int, blocks: Int, in memory: UnsafeMutableRawPointer) {
    self.blocks = blocks
    let count = panels * blocks * 16
    codes = memory.assumingMemoryBound(to: Int8.self)
    let terms = memory + count * IntegerPanels.block
    scales = terms.assumingMemoryBound(to: Float.self)
    offsets = (terms + 4 * count).assumingMemoryBound(to: Int32.self)
  }

  private init(_ whole: IntegerPanels, from place: Int) {
    blocks = whole.blocks
    codes = whole.codes + place * 16 * IntegerPanels.block
    scales = whole.scales + place * 16
    offsets = whole.offsets + place * 16
  }

  /// The same panels, beginning with some panel and block.
  func part(panel: Int, block: Int) -> IntegerPanels {
    IntegerPanels(self, from: panel * blocks + block)
  }
}

/// Rounds weights to panels of integers.
struct IntegerPacking {
  let panels: IntegerPanels
  /// fp32 weights on their way.
  let scratch: UnsafeMutablePointer<Float>

  /// Depth that is unpacked at once; it stays in the first-level cache.
  private static let unpackedDepth = 256
  private static let block = IntegerRows.block

  /// Floats that some panels need on their way.
  static func scratchCount(panels: Int) -> Int {
    max(WeightTiles.scratchCount(panels: panels, length: block), 16 * unpackedDepth)
  }

  /// Some depths, beginning with a whole block, of panels of sixteen columns of `right`.
  func pack(
    _ right: RightOperand, panels: Range<Int>, depths: Range<Int>, in context: ComputeContext
  ) {
    switch right {
    case .packedTransposed(let weight):
      for (index, panel) in panels.enumerated() {
        packColumns(weight, panel: panel, at: index, depths: depths, in: context)
      }
    case .packed(let weight):
      let tiles = WeightTiles(
        weight: weight, panels: panels, length: IntegerPacking.block, scratch: scratch,
        context: context)
      tiles.forEach(depths: depths) { index, depth, tile in
        let target = self.panels.part(panel: index, block: depth / IntegerPacking.block)
        context.kernels.pointee.pack_rows_int8(
          tile, IntegerPacking.block, Int32(IntegerPacking.block), target.codes, target.scales,
          target.offsets)
      }
    case .matrix, .rows: preconditionFailure("an 8-bit product of floats")
    }
  }

  private func packColumns(
    _ weight: any WeightPanels, panel: Int, at index: Int, depths: Range<Int>,
    in context: ComputeContext
  ) {
    for start in stride(from: 0, to: depths.count, by: IntegerPacking.unpackedDepth) {
      let count = min(IntegerPacking.unpackedDepth, depths.count - start)
      let first = (depths.lowerBound + start) / 32
      let end = min(first + (count + 31) / 32, weight.depth / 32)
      weight.widen(panel: panel, blocks: first..<end, into: scratch, stride: 16, in: context)
      let target = panels.part(panel: index, block: start / IntegerPacking.block)
      context.kernels.pointee.pack_columns_int8(
        scratch, Int32(32 * (end - first)), target.codes, target.scales, target.offsets)
    }
  }
}
