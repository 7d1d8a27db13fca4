import CKernels
package import GPTTensor

/// y ← x · w, all row-major in fp32: x `[M, K]`, w `[K, N]`, y `[M, N]`.
///
/// Every element of y is summed over K in order, whatever the number of threads. A slice of w is
/// copied into panels of 16 columns once for each block of rows: in place its rows lie too far
/// apart for the caches.
package func multiply(_ x: Tensor, _ w: Tensor, into y: Tensor, in context: ComputeContext) {
  precondition(
    x.columns == w.rows && y.rows == x.rows && y.columns == w.columns,
    "[\(x.rows), \(x.columns)] · [\(w.rows), \(w.columns)] into [\(y.rows), \(y.columns)]")
  let rowBlock = 128
  let panelBlock = 4
  let rowBlocks = (x.rows + rowBlock - 1) / rowBlock
  let panels = y.stride / 16
  let panelBlocks = (panels + panelBlock - 1) / panelBlock
  context.pool.run(rowBlocks * panelBlocks) { chunk, worker in
    let rows = (chunk % rowBlocks * rowBlock)..<min((chunk % rowBlocks + 1) * rowBlock, x.rows)
    let first = chunk / rowBlocks * panelBlock
    multiplyBlock(
      x, w, into: y, rows: rows, panels: first..<min(first + panelBlock, panels), worker: worker,
      in: context)
  }
}

private func multiplyBlock(
  _ x: Tensor, _ w: Tensor, into y: Tensor, rows: Range<Int>, panels: Range<Int>, worker: Int,
  in context: ComputeContext
) {
  let depthSlice = 256
  let scratch = context.pool.scratch(worker: worker, byteCount: depthSlice * panels.count * 64)
    .assumingMemoryBound(to: Float.self)
  for start in stride(from: 0, to: x.columns, by: depthSlice) {
    let depth = min(depthSlice, x.columns - start)
    for (index, panel) in panels.enumerated() {
      var source = w.pointer + start * w.stride + panel * 16
      var target = scratch + index * depthSlice * 16
      for _ in 0..<depth {
        target.update(from: source, count: 16)
        source += w.stride
        target += 16
      }
    }
    var product = gpt_float_product(
      x: x.pointer + rows.lowerBound * x.stride + start, x_stride: x.stride,
      rows: Int32(rows.count), type: GPT_PANEL_F32, panels: scratch, depth_stride: 64,
      panel_stride: depthSlice * 64, panel_count: Int32(panels.count), depth: Int32(depth),
      y: y.pointer + rows.lowerBound * y.stride + panels.lowerBound * 16, y_stride: y.stride,
      accumulate: start == 0 ? 0 : 1)
    context.kernels.pointee.float_product(&product)
  }
}
