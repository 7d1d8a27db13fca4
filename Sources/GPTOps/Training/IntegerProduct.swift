import CKernels
import GPTTensor

/// Panels of a quantised weight as 8-bit integers with a scale per block of 64 depth steps.
///
/// A weight's own blocks cannot serve: they run along its inputs and have 16 or 32 of them, while
/// the depth of backward's products are its outputs.
private struct IntegerPanels {
  let codes: UnsafeMutablePointer<Int8>
  let scales: UnsafeMutablePointer<Float>
  let offsets: UnsafeMutablePointer<Int32>
  /// fp32 weights on their way.
  let scratch: UnsafeMutablePointer<Float>
  /// Blocks of a panel.
  let blocks: Int

  /// Depth that is unpacked at once; it stays in the first-level cache.
  private static let unpackedDepth = 256
  private static let block = IntegerRows.block

  var panelStride: Int { 16 * IntegerPanels.block * blocks }

  static func byteCount(panels: Int, blocks: Int) -> Int {
    panels * blocks * 16 * (block + 8)
      + 4 * max(WeightTiles.scratchCount(panels: panels, length: block), 16 * unpackedDepth)
  }

  init(panels: Int, blocks: Int, in memory: UnsafeMutableRawPointer) {
    self.blocks = blocks
    let count = panels * blocks * 16
    codes = memory.assumingMemoryBound(to: Int8.self)
    let terms = memory + count * IntegerPanels.block
    scales = terms.assumingMemoryBound(to: Float.self)
    offsets = (terms + 4 * count).assumingMemoryBound(to: Int32.self)
    scratch = (terms + 8 * count).assumingMemoryBound(to: Float.self)
  }

  /// Some depths, beginning with a whole block, of panels of sixteen columns of `right`.
  func pack(
    _ right: RightOperand, panels: Range<Int>, depths: Range<Int>, in context: ComputeContext
  ) {
    let block = IntegerPanels.block
    switch right {
    case .packedTransposed(let weight):
      for (index, panel) in panels.enumerated() {
        for start in stride(from: 0, to: depths.count, by: IntegerPanels.unpackedDepth) {
          let count = min(IntegerPanels.unpackedDepth, depths.count - start)
          let first = (depths.lowerBound + start) / 32
          let end = min(first + (count + 31) / 32, weight.depth / 32)
          weight.widen(panel: panel, blocks: first..<end, into: scratch, stride: 16, in: context)
          let place = index * blocks + start / block
          context.kernels.pointee.pack_columns_int8(
            scratch, Int32(32 * (end - first)), codes + place * 16 * block, scales + place * 16,
            offsets + place * 16)
        }
      }
    case .packed(let weight):
      let tiles = WeightTiles(
        weight: weight, panels: panels, length: block, scratch: scratch, context: context)
      tiles.forEach(depths: depths) { index, depth, tile in
        let place = index * blocks + depth / block
        context.kernels.pointee.pack_rows_int8(
          tile, block, Int32(block), codes + place * 16 * block, scales + place * 16,
          offsets + place * 16)
      }
    case .matrix, .rows: preconditionFailure("an 8-bit product of floats")
    }
  }
}

extension PanelJob {
  /// Depth of a packed block: eight panels of it stay in a second-level cache of 1 MB.
  private static let integerDepth = 4096

  /// These panels of left · right go to those of c, both sides in 8 bits.
  func add(
    _ left: IntegerRows, rows: Int, _ right: RightOperand, accumulate: Bool, worker: Int,
    in context: ComputeContext
  ) {
    let depth = min(right.rows, PanelJob.integerDepth)
    let blocks = IntegerRows.blockCount(depth)
    let scratch = context.pool.scratch(
      worker: worker,
      byteCount: IntegerPanels.byteCount(panels: panels.count, blocks: blocks))
    let packed = IntegerPanels(panels: panels.count, blocks: blocks, in: scratch)
    let first = 16 * panels.lowerBound
    for start in stride(from: 0, to: right.rows, by: depth) {
      let count = min(depth, right.rows - start)
      packed.pack(right, panels: panels, depths: start..<start + count, in: context)
      var arguments = gpt_integer_product(
        x: left.view(fromBlock: start / IntegerRows.block), rows: Int32(rows),
        panels: packed.codes, panel_stride: packed.panelStride, scales: packed.scales,
        offsets: packed.offsets, scale_stride: 16 * blocks, panel_count: Int32(panels.count),
        blocks: Int32(IntegerRows.blockCount(count)), y: c.pointer + first, y_stride: c.stride,
        accumulate: accumulate || start > 0 ? 1 : 0,
        bias: product.bias.map { UnsafePointer($0.pointer + first) },
        addend: product.addend.map { UnsafePointer($0.pointer + first) },
        addend_stride: product.addend?.stride ?? 0)
      context.kernels.pointee.integer_product(&arguments)
    }
  }
}
