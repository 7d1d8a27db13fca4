import CKernels
import GPTTensor

/// Activations in 8 bits, a scale per 32 inputs, made anew for each product.
///
///     code[t, k] = round(x[t, k] / scale[t, k / 32]), scale = largest |x| of the block / 127
struct QuantisedRows {
  private let buffer: AlignedBuffer
  let view: gpt_quantised_rows

  init(_ x: Tensor, in context: ComputeContext) {
    let blocks = (x.columns + 31) / 32
    let scaleOffset = (x.rows * blocks * 32 + 63) & ~63
    let sumOffset = scaleOffset + x.rows * blocks * 4
    buffer = AlignedBuffer(byteCount: sumOffset + x.rows * blocks * 8)
    let codes = buffer.pointer(Int8.self)
    let scales = (buffer.base + scaleOffset).assumingMemoryBound(to: Float.self)
    let sums = (buffer.base + sumOffset).assumingMemoryBound(to: Int32.self)
    view = gpt_quantised_rows(
      codes: codes, code_stride: blocks * 32, scales: scales, scale_stride: blocks, sums: sums)
    let quantise = context.kernels.pointee.quantise_row
    for row in 0..<x.rows {
      withPaddedRow(x, row: row) { source in
        quantise?(
          source, Int32(blocks), codes + row * blocks * 32, scales + row * blocks,
          sums + row * blocks * 2)
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
