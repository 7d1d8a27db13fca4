import CKernels
package import GPTTensor

/// Rows of one chunk of a norm's backward: fixed, so that sums over rows do not depend on threads.
private let rowsPerChunk = 64

/// Backward of `layerNorm`: see `template_training.h` for the formulas.
///
/// - Parameters: dy, x, dx `[T, C]`; gain and bias with their gradients `[1, C]`, if any; everything
///   is added to what dx and the gradients hold
/// - Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450
package func layerNormBackward(
  _ dy: Tensor, x: Tensor, gain: Parameter, bias: Parameter, epsilon: Float, into dx: Tensor,
  scratch: Workspace, in context: ComputeContext
) {
  let sums = [gain, bias].map { partialSums(of: $0, x, scratch: scratch) }
  forEachChunk(of: x, in: context) { chunk, rows in
    for row in rows {
      context.kernels.pointee.layer_norm_backward(
        dy.row(row), x.row(row), gain.value.pointer, epsilon, dx.row(row),
        sums[0]?.row(chunk), sums[1]?.row(chunk), Int32(x.columns))
    }
  }
  finish(sums, [gain, bias], in: context)
}

/// Backward of `rmsNorm`.
///
/// - Parameters: dy, x, dx `[T, C]`; gain with its gradient `[1, C]`; everything is added to what
///   dx and the gradient hold
/// - Source: Zhang & Sennrich 2019, arXiv:1910.07467
package func rmsNormBackward(
  _ dy: Tensor, x: Tensor, gain: Parameter, epsilon: Float, into dx: Tensor, scratch: Workspace,
  in context: ComputeContext
) {
  let sums = partialSums(of: gain, x, scratch: scratch)
  forEachChunk(of: x, in: context) { chunk, rows in
    for row in rows {
      context.kernels.pointee.rms_norm_backward(
        dy.row(row), x.row(row), gain.value.pointer, epsilon, dx.row(row), sums?.row(chunk),
        Int32(x.columns))
    }
  }
  finish([sums], [gain], in: context)
}

/// One row of sums for each chunk of rows; nil for a parameter without gradient.
private func partialSums(of parameter: Parameter, _ x: Tensor, scratch: Workspace) -> Tensor? {
  guard parameter.gradient != nil else { return nil }
  let chunks = (x.rows + rowsPerChunk - 1) / rowsPerChunk
  let sums = scratch.tensor(rows: chunks, columns: x.columns)
  sums.clear()
  return sums
}

private func forEachChunk(
  of x: Tensor, in context: ComputeContext, _ body: (Int, Range<Int>) -> Void
) {
  let chunks = (x.rows + rowsPerChunk - 1) / rowsPerChunk
  context.pool.run(chunks) { chunk, _ in
    body(chunk, chunk * rowsPerChunk..<min((chunk + 1) * rowsPerChunk, x.rows))
  }
}

private func finish(
  _ sums: [Tensor?], _ parameters: [Parameter], in context: ComputeContext
) {
  for (sum, parameter) in zip(sums, parameters) {
    if let sum, let gradient = parameter.gradient {
      addColumnSums(of: sum, to: gradient, in: context)
    }
  }
}
