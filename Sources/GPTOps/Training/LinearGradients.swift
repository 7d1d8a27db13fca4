import CKernels
package import GPTTensor

/// The forward pass of layers whose weights are parameters.
///
/// - Parameters: x `[T, K]`; every target's weight `[N, K]`, its output `[T, N]`; addend `[T, N]`,
///   added to every output
func projectParameters(
  _ x: RowSource, _ targets: [(linear: Linear, output: Tensor)], addend: Tensor? = nil,
  in context: ComputeContext
) {
  let left = LeftOperand(PreparedRows(x, slot: .rows, in: context))
  let products = targets.compactMap { target -> Product? in
    guard case .parameter(let weight) = target.linear.weight else { return nil }
    return Product(
      right: .matrix(weight.value.matrix.transposed), c: target.output.matrix,
      bias: target.linear.bias?.value, addend: addend)
  }
  precondition(products.count == targets.count, "packed weights beside parameters")
  multiply(left, products, accumulate: false, in: context)
}

/// Backward of `project`.
///
///     dx[t, k] = Σ over n of dy[t, n] · weight[n, k]        (summed over the targets)
///     dweight[n, k] += Σ over t of dy[t, n] · x[t, k]
///     dbias[n] += Σ over t of dy[t, n]
///
/// - Parameters: x `[T, K]`; every target's gradient dy `[T, N]`; dx `[T, K]` is overwritten
package func projectBackward(
  _ x: RowSource, _ targets: [(linear: Linear, gradient: Tensor)], into dx: Tensor,
  in context: ComputeContext
) {
  let input = PreparedRows(x, slot: .input, in: context)
  for (index, (linear, dy)) in targets.enumerated() {
    guard case .parameter(let weight) = linear.weight else {
      preconditionFailure("backward through a packed weight")
    }
    productBackward(
      PreparedRows(dy.matrix, slot: .rows, in: context), input: input, weight: weight,
      into: dx.matrix, accumulate: index > 0, in: context)
    if let gradient = linear.bias?.gradient { addColumnSums(of: dy, to: gradient, in: context) }
  }
}

/// Backward of y = x · weightᵀ for a gradient dy of y.
func productBackward(
  _ dy: PreparedRows, input: PreparedRows, weight: Parameter, into dx: MatrixView,
  accumulate: Bool, in context: ComputeContext
) {
  multiply(
    LeftOperand(dy), [Product(right: .matrix(weight.value.matrix), c: dx)],
    accumulate: accumulate, in: context)
  guard let gradient = weight.gradient else { return }
  multiply(
    LeftOperand(transposing: dy, in: context),
    [Product(right: .rows(input), c: gradient.matrix)],
    accumulate: true, in: context)
}

/// sums[c] += Σ over t of x[t, c], in order of t.
///
/// - Parameters: x `[T, C]`, sums `[1, C]`
package func addColumnSums(of x: Tensor, to sums: Tensor, in context: ComputeContext) {
  let panels = x.stride / 16
  let size = 8
  context.pool.run((panels + size - 1) / size) { chunk, _ in
    let first = chunk * size
    context.kernels.pointee.add_column_sums(
      x.pointer + 16 * first, x.stride, Int32(x.rows), Int32(min(size, panels - first)),
      sums.pointer + 16 * first)
  }
}
