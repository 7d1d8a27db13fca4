import CKernels
package import GPTTensor

/// What forward leaves for backward of layers on one input that have adapters; it lies in the
/// workspace that was given for it.
package struct ProjectionOperands {
  fileprivate let input: PreparedRows
  /// z of the adapters without dropout.
  fileprivate let plain: AdapterRows?
}

/// The forward pass of layers whose products are those of `multiply`.
///
/// - Parameters: x `[T, K]`; every target's weight `[N, K]`, its output `[T, N]`; addend `[T, N]`,
///   added to every output; kept: for what backward would compute again, nil: let it
@discardableResult
func projectProducts(
  _ x: RowSource, _ targets: [(linear: Linear, output: Tensor)], addend: Tensor? = nil,
  adapterDropout: UInt64?, keeping kept: Workspace? = nil, scratch: Workspace,
  in context: ComputeContext
) -> ProjectionOperands? {
  let isTrained = targets.allSatisfy { $0.linear.weight.isParameter }
  let forms = targets.reduce(into: OperandForms()) { forms, target in
    let adapts = !target.linear.adapters.isEmpty
    forms.formUnion(target.linear.weight.operandForms(floats: adapts, in: context))
  }
  // fp32 rows are no copies, and what they lie in may be used again.
  let keeps = !isTrained && forms.contains(.floats) && context.multipliesNarrow
  let kept = keeps && targets.contains { !$0.linear.adapters.isEmpty } ? kept : nil
  let memory = kept.map { OperandMemory.kept($0, scratch: scratch) } ?? .workspace(scratch)
  let prepared = PreparedRows(
    x, forms, memory: isTrained ? .slot(.rows) : memory, in: context)
  let (terms, plain) = adapterTerms(
    x, prepared: prepared, layers: targets.map(\.linear), dropoutKey: adapterDropout, kept: kept,
    scratch: scratch, in: context)
  let products = targets.enumerated().map { index, target in
    Product(
      right: target.linear.weight.transposedOperand, c: target.output.matrix,
      bias: target.linear.bias?.value, addend: addend, terms: terms[index])
  }
  multiply(LeftOperand(prepared), products, accumulate: false, in: context)
  return kept.map { _ in ProjectionOperands(input: prepared, plain: plain) }
}

/// Backward of `project`.
///
///     dx[t, k] = Σ over n of dy[t, n] · weight[n, k]        (summed over the targets)
///     dweight[n, k] += Σ over t of dy[t, n] · x[t, k]
///     dbias[n] += Σ over t of dy[t, n]
///
/// What has no gradient costs nothing. Packed weights are read as they are.
///
/// - Parameters: x `[T, K]`; every target's gradient dy `[T, N]`; dx `[T, K]` is overwritten, nil
///   when nothing before x is trained; adapterDropout as in the forward pass; operands: what that
///   kept
package func projectBackward(
  _ x: RowSource, _ targets: [(linear: Linear, gradient: Tensor)], into dx: Tensor?,
  adapterDropout: UInt64? = nil, operands: ProjectionOperands? = nil, scratch: Workspace,
  in context: ComputeContext
) {
  let mark = scratch.mark()
  defer { scratch.release(to: mark) }
  let needsInput = targets.contains {
    $0.linear.weight.gradient != nil || !$0.linear.adapters.isEmpty
  }
  let input =
    operands?.input ?? (needsInput ? PreparedRows(x, memory: .slot(.input), in: context) : nil)
  let adapters = AdapterBackward(
    x, input: input, plain: operands?.plain, layers: targets.map(\.linear),
    dropoutKey: adapterDropout, scratch: scratch,
    context: context)
  for (index, (linear, dy)) in targets.enumerated() {
    if dx != nil || linear.weight.gradient != nil || !linear.adapters.isEmpty {
      let needsFloats = linear.weight.gradient != nil || !linear.adapters.isEmpty
      let rows = PreparedRows(
        dy.matrix, linear.weight.operandForms(floats: needsFloats, in: context),
        memory: .slot(.rows), in: context)
      let layer = adapters?.layer(index, dy: rows)
      productBackward(
        rows, input: input, weight: linear.weight, into: dx?.matrix, accumulate: index > 0,
        terms: layer?.terms ?? [], in: context)
      layer?.addGradients(dx: dx)
    }
    if let gradient = linear.bias?.gradient { addColumnSums(of: dy, to: gradient, in: context) }
  }
}

/// Backward of y = x · weightᵀ for a gradient dy of y; dx += terms.
func productBackward(
  _ dy: PreparedRows, input: PreparedRows?, weight: LinearWeight, into dx: MatrixView?,
  accumulate: Bool, terms: [Product.Term] = [], in context: ComputeContext
) {
  if let dx {
    multiply(
      LeftOperand(dy), [Product(right: weight.rightOperand, c: dx, terms: terms)],
      accumulate: accumulate, in: context)
  }
  guard let gradient = weight.gradient, let input else { return }
  let size = transposedColumns(depth: dy.rows)
  for first in stride(from: 0, to: dy.columns, by: size) {
    let columns = first..<min(first + size, dy.columns)
    multiply(
      LeftOperand(transposing: dy, columns: columns, in: context),
      [Product(right: .rows(input), c: gradient.matrix(rows: columns))],
      accumulate: true, in: context)
  }
}

/// Columns of a gradient that are transposed at once: every panel of the right side reads them all,
/// so they are to stay in the cache, and those of logits would take as much memory as the rows.
private func transposedColumns(depth: Int) -> Int {
  let (elements, least) = (4 << 20, 2048)
  return max(least, elements / max(1, depth) / 16 * 16)
}

extension LinearWeight {
  var isParameter: Bool { if case .parameter = self { true } else { false } }

  var gradient: Tensor? { if case .parameter(let weight) = self { weight.gradient } else { nil } }
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
