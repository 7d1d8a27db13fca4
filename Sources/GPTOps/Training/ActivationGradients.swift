import CKernels
package import GPTTensor

/// Backward of `geluTanh`: dx = dy · gelu′(x).
///
/// - Parameters: dy, x, dx `[T, F]`; x as it was before the activation; dx is overwritten and may be
///   dy
/// - Source: Hendrycks & Gimpel 2016, arXiv:1606.08415
package func geluTanhBackward(
  _ dy: Tensor, x: Tensor, into dx: Tensor, in context: ComputeContext
) {
  context.forEachRow(x.rows) { row in
    context.kernels.pointee.gelu_tanh_backward(dy.row(row), x.row(row), dx.row(row), x.stride)
  }
}

/// Backward of `siluProduct`.
///
///     dgate = dy · up · σ(gate) · (1 + gate · (1 − σ(gate))),   dup = dy · gate · σ(gate)
///
/// - Parameters: all `[T, F]`; dgate and dup are overwritten; dup may be dy
/// - Source: Shazeer 2020, arXiv:2002.05202
package func siluProductBackward(
  _ dy: Tensor, gate: Tensor, up: Tensor, dgate: Tensor, dup: Tensor, in context: ComputeContext
) {
  context.forEachRow(gate.rows) { row in
    context.kernels.pointee.silu_product_backward(
      dy.row(row), gate.row(row), up.row(row), dgate.row(row), dup.row(row), gate.stride)
  }
}
