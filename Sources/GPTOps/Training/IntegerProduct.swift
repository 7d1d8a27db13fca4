import CKernels
import GPTTensor

extension PanelJob {
  /// Depth of a packed block: eight panels of it stay in a second-level cache of 1 MB.
  private static let integerDepth = 4096

  /// These panels of left · right go to those of c, both sides in 8 bits.
  func add(
    _ left: IntegerRows, rows: Int, _ right: RightOperand, accumulate: Bool, worker: Int,
    in context: ComputeContext
  ) {
    let depth = min(right.rows, PanelJob.integerDepth)
    let packing = frozen == nil ? packing(depth: depth, worker: worker, in: context) : nil
    for start in stride(from: 0, to: right.rows, by: depth) {
      let depths = start..<min(start + depth, right.rows)
      if let frozen {
        let first = frozen.part(panel: panels.lowerBound, block: start / IntegerRows.block)
        multiply(left, rows, first, depths, accumulate, in: context)
      } else if let packing {
        packing.pack(right, panels: panels, depths: depths, in: context)
        multiply(left, rows, packing.panels, depths, accumulate, in: context)
      }
    }
  }

  private func packing(depth: Int, worker: Int, in context: ComputeContext) -> IntegerPacking {
    let blocks = IntegerRows.blockCount(depth)
    let bytes = IntegerPanels.byteCount(panels: panels.count, blocks: blocks)
    let scratch = context.pool.scratch(
      worker: worker, byteCount: bytes + 4 * IntegerPacking.scratchCount(panels: panels.count))
    return IntegerPacking(
      panels: IntegerPanels(panels: panels.count, blocks: blocks, in: scratch),
      scratch: (scratch + bytes).assumingMemoryBound(to: Float.self))
  }

  /// - Parameter packed: begins with the first of these panels and of `depths`
  private func multiply(
    _ left: IntegerRows, _ rows: Int, _ packed: IntegerPanels, _ depths: Range<Int>,
    _ accumulate: Bool, in context: ComputeContext
  ) {
    let first = 16 * panels.lowerBound
    var arguments = gpt_integer_product(
      x: left.view(fromBlock: depths.lowerBound / IntegerRows.block), rows: Int32(rows),
      panels: packed.codes, panel_stride: packed.panelStride, scales: packed.scales,
      offsets: packed.offsets, scale_stride: 16 * packed.blocks, panel_count: Int32(panels.count),
      blocks: Int32(IntegerRows.blockCount(depths.count)), y: c.pointer + first,
      y_stride: c.stride, accumulate: accumulate || depths.lowerBound > 0 ? 1 : 0,
      bias: product.bias.map { UnsafePointer($0.pointer + first) },
      addend: product.addend.map { UnsafePointer($0.pointer + first) },
      addend_stride: product.addend?.stride ?? 0)
    context.kernels.pointee.integer_product(&arguments)
  }
}
