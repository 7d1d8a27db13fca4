import CKernels
import GPTTensor

/// Activations in 16 bits, a scale per 32 inputs, for products of many rows with quantised weights.
///
///     code[t, k] = round(x[t, k] / scale[t, k / 32]), scale = largest |x| of the block / 32767
///
/// Products with codes are exact integers and fill a vector with twice as many numbers as floats do,
/// at a rounding that is finer than that of bf16 by a factor of about a hundred.
struct Int16Rows {
  let view: gpt_int16_rows

  /// - Parameters: x is computed row by row, so that a norm or an activation need not pass through
  ///   memory; scratch holds the codes until the products are done
  init(_ x: RowSource, scratch: Workspace, in context: ComputeContext) {
    let blocks = (x.columns + 31) / 32
    let codes = scratch.tensor(rows: x.rows, columns: 16 * blocks)
    let scales = scratch.tensor(rows: x.rows, columns: blocks)
    let sums = scratch.tensor(rows: x.rows, columns: 2 * scales.stride)
    let blockSums = scratch.tensor(rows: x.rows, columns: blocks)
    let stride = 2 * codes.stride
    let target = UnsafeMutableRawPointer(codes.pointer).assumingMemoryBound(to: Int16.self)
    view = gpt_int16_rows(
      codes: target, code_stride: stride, scales: scales.pointer, scale_stride: scales.stride,
      sums: sums.pointer, block_sums: blockSums.pointer)
    context.forEachRow(x.rows) { row, worker in
      let wide = context.pool.scratch(worker: worker, byteCount: 128 * blocks)
        .assumingMemoryBound(to: Float.self)
      x.fill(row, wide)
      (wide + x.columns).update(repeating: 0, count: 32 * blocks - x.columns)
      context.kernels.pointee.code_row_int16(
        wide, Int32(blocks), target + row * stride, scales.row(row), sums.row(row),
        blockSums.row(row))
    }
  }

  /// Panels of 16 outputs of x · weightᵀ, unpacked to 16 bits on their way.
  ///
  /// - Parameters: bias `[N]` is added; accumulates says whether y is added to, not overwritten
  func multiply(
    _ weight: PackedMatrix, panels: Range<Int>, into y: Tensor, bias: Tensor?, accumulates: Bool,
    worker: Int, in context: ComputeContext
  ) {
    guard var format = weight.kernelFormat else { return }
    let blocks = weight.depth / 32
    let (codeCount, scaleCount) = (16 * weight.depth, 16 * blocks * Int(format.sub_blocks))
    let scratch = context.pool.scratch(
      worker: worker, byteCount: panels.count * (2 * codeCount + 8 * scaleCount))
    let codes = scratch.assumingMemoryBound(to: Int16.self)
    let scales = (scratch + panels.count * 2 * codeCount).assumingMemoryBound(to: Float.self)
    let minimums = scales + panels.count * scaleCount
    let kernels = context.kernels.pointee
    for (index, panel) in panels.enumerated() {
      kernels.unpack_int16(
        &format, weight.bytes(ofPanel: panel), Int32(blocks), codes + index * codeCount,
        scales + index * scaleCount, minimums + index * scaleCount)
    }
    var product = gpt_int16_product(
      x: view, rows: Int32(y.rows), panels: codes, panel_stride: codeCount, scales: scales,
      minimums: format.affine == 0 ? nil : UnsafePointer(minimums), scale_stride: scaleCount,
      sub_blocks: format.sub_blocks, panel_count: Int32(panels.count), blocks: Int32(blocks),
      y: y.pointer + panels.lowerBound * 16, y_stride: y.stride, accumulate: accumulates ? 1 : 0,
      bias: bias.map { UnsafePointer($0.pointer + panels.lowerBound * 16) })
    kernels.int16_product(&product)
  }
}
