import CKernels
package import GPTTensor

extension ComputeContext {
  /// Calls `body` once a row, on all threads when there are enough rows to pay for it.
  package func forEachRow(_ rows: Int, _ body: (Int) -> Void) {
    forEachRow(rows) { row, _ in body(row) }
  }

  /// The same; the body is told its worker.
  func forEachRow(_ rows: Int, _ body: (Int, Int) -> Void) {
    let chunks = rows < 4 ? 1 : chunkCount(for: rows)
    pool.run(chunks) { chunk, worker in
      for row in ComputeContext.range(of: chunk, chunks: chunks, count: rows) { body(row, worker) }
    }
  }
}

/// Layer normalisation of each row.
///
///     y[t, c] = (x[t, c] − mean) / √(variance + epsilon) · gain[c] + bias[c]
///
/// - Parameters: x `[T, C]`, gain and bias `[1, C]`
/// - Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450
package func layerNorm(
  _ x: Tensor, gain: Tensor, bias: Tensor, epsilon: Float, in context: ComputeContext
) -> RowSource {
  RowSource(rows: x.rows, columns: x.columns) { row, y in
    context.kernels.pointee.layer_norm(
      x.row(row), gain.pointer, bias.pointer, epsilon, y, Int32(x.columns))
  }
}

/// Root-mean-square normalisation of each row.
///
///     y[t, c] = x[t, c] · gain[c] / √(mean over c of x[t, c]² + epsilon)
///
/// - Parameters: x `[T, C]`, gain `[1, C]`
/// - Source: Zhang & Sennrich 2019, arXiv:1910.07467
package func rmsNorm(
  _ x: Tensor, gain: Tensor, epsilon: Float, in context: ComputeContext
) -> RowSource {
  RowSource(rows: x.rows, columns: x.columns) { row, y in
    context.kernels.pointee.rms_norm(x.row(row), gain.pointer, epsilon, y, Int32(x.columns))
  }
}

/// Gaussian error linear unit in its tanh form.
///
///     y = 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))
///
/// - Parameter x: `[T, F]`
/// - Source: Hendrycks & Gimpel 2016, arXiv:1606.08415
package func geluTanh(_ x: Tensor, in context: ComputeContext) -> RowSource {
  RowSource(rows: x.rows, columns: x.columns) { row, y in
    context.kernels.pointee.gelu_tanh(x.row(row), y, x.columns)
  }
}

/// The gate of a gated MLP.
///
///     y = gate · sigmoid(gate) · up
///
/// - Parameters: gate and up `[T, F]`
/// - Source: Shazeer 2020, arXiv:2002.05202 (SwiGLU)
package func siluProduct(
  gate: Tensor, up: Tensor, in context: ComputeContext
) -> RowSource {
  RowSource(rows: gate.rows, columns: gate.columns) { row, y in
    context.kernels.pointee.silu_product(gate.row(row), up.row(row), y, gate.columns)
  }
}

/// sum = x + y, all `[T, C]`, possibly the same.
package func add(_ x: Tensor, _ y: Tensor, into sum: Tensor, in context: ComputeContext) {
  context.forEachRow(x.rows) { row in
    context.kernels.pointee.add(x.row(row), y.row(row), sum.row(row), x.columns)
  }
}
