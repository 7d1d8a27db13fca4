import CKernels
import GPTTensor

/// Activations in 16 bits, a scale per 32 inputs, made anew for each product.
///
///     x[t, k] ≈ scale[t, k / 32] · (256 · upper[t, k] + lower[t, k])
///
/// with scale = largest |x| of the block / (127 · 256). Both codes have 8 bits, for which processors
/// have products; the upper ones alone, as llama.cpp has them, cost 0.3 % in perplexity.
struct QuantisedRows {
  private let buffer: AlignedBuffer
  let view: gpt_quantised_rows

  init(_ x: Tensor, in context: ComputeContext) {
    let blocks = (x.columns + 31) / 32
    let stride = blocks * Int(GPT_ROW_BLOCK_BYTES)
    let scaleOffset = x.rows * stride
    let sumOffset = scaleOffset + x.rows * blocks * 4
    // Some kernels read whole vectors of sums.
    let sumStride = (2 * blocks + 15) & ~15
    buffer = AlignedBuffer(byteCount: sumOffset + x.rows * sumStride * 4)
    let codes = buffer.pointer(Int8.self)
    let scales = (buffer.base + scaleOffset).assumingMemoryBound(to: Float.self)
    let sums = (buffer.base + sumOffset).assumingMemoryBound(to: Float.self)
    view = gpt_quantised_rows(
      codes: codes, code_stride: stride, scales: scales, scale_stride: blocks, sums: sums,
      sum_stride: sumStride)
    let quantise = context.kernels.pointee.quantise_row
    for row in 0..<x.rows {
      let ownSums = sums + row * sumStride
      (ownSums + 2 * blocks).update(repeating: 0, count: sumStride - 2 * blocks)
      withPaddedRow(x, row: row) { source in
        quantise?(
          source, Int32(blocks), codes + row * stride, scales + row * blocks,
          ownSums)
      }
    }
  }
}

/// Gives `body` the row with at least a whole block of 32 zero-padded floats behind every input.
func withPaddedRow(_ x: Tensor, row: Int, _ body: (UnsafePointer<Float>) -> Void) {
  let wanted = (x.columns + 31) & ~31
  if x.columns == wanted { return body(x.row(row)) }
  withUnsafeTemporaryAllocation(of: Float.self, capacity: wanted) { buffer in
    guard let base = buffer.baseAddress else { return }
    base.initialize(repeating: 0, count: wanted)
    base.update(from: x.row(row), count: x.columns)
    body(base)
  }
}
