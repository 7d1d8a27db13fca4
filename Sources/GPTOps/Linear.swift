package import GPTTensor

/// The matrix `[N, K]` of a linear layer.
package enum LinearWeight: Sendable {
  /// Rearranged for the kernels once, when a model was loaded to be run.
  case packed(PackedMatrix)
  /// Floats as a file holds them.
  case mapped(MappedMatrix)
  /// Quantised blocks as a file holds them.
  case stored(StoredMatrix)
  /// As the optimizer changes it.
  case parameter(Parameter)

  package var outputs: Int {
    switch self {
    case .packed(let matrix): matrix.outputs
    case .mapped(let matrix): matrix.outputs
    case .stored(let matrix): matrix.outputs
    case .parameter(let parameter): parameter.value.rows
    }
  }

  package var inputs: Int {
    switch self {
    case .packed(let matrix): matrix.inputs
    case .mapped(let matrix): matrix.inputs
    case .stored(let matrix): matrix.inputs
    case .parameter(let parameter): parameter.value.columns
    }
  }
}

/// A weight matrix with its optional bias: y[t, n] = Σ over k of x[t, k] · weight[n, k] + bias[n],
/// plus what its adapters add.
package struct Linear: Sendable {
  package let weight: LinearWeight
  /// `[1, outputs]`
  package let bias: Parameter?
  package let adapters: [LinearAdapter]

  package init(weight: LinearWeight, bias: Parameter?, adapters: [LinearAdapter] = []) {
    precondition(bias == nil || bias?.value.columns == weight.outputs, "bias of another length")
    for adapter in adapters {
      let (inputs, outputs) = (adapter.down.value.columns, adapter.up.value.rows)
      precondition(
        inputs == weight.inputs && outputs == weight.outputs,
        "adapter [\(outputs), \(inputs)] of a matrix [\(weight.outputs), \(weight.inputs)]")
    }
    self.weight = weight
    self.bias = bias
    self.adapters = adapters
  }
}

/// Several products of the same rows in one parallel region.
///
///     y[t, n] = Σ over k of x[t, k] · weight[n, k] + bias[n]    (+ what adapters add)
///
/// - Parameters: x `[T, K]`; every target's weight `[N, K]`, its output `[T, N]`; adapterDropout
///   decides what dropout drops of the adapters' input, nil: nothing; kept: where what
///   `projectBackward` would compute again may stay until then
///
/// Work is split over outputs only, and every output is summed in order of k: the result does not
/// depend on the number of threads.
@discardableResult
package func project(
  _ x: RowSource, _ targets: [(linear: Linear, output: Tensor)], adapterDropout: UInt64? = nil,
  keeping kept: Workspace? = nil, scratch: Workspace, in context: ComputeContext
) -> ProjectionOperands? {
  let mark = scratch.mark()
  defer { scratch.release(to: mark) }
  func isMultiplied(_ target: (linear: Linear, output: Tensor)) -> Bool {
    target.linear.weight.isMultiplied(rows: x.rows, in: context)
  }
  guard targets.contains(where: isMultiplied) else {
    projectPacked(x, targets, adapterDropout: adapterDropout, scratch: scratch, in: context)
    return nil
  }
  let multiplied = targets.filter(isMultiplied)
  let operands = projectProducts(
    x, multiplied, adapterDropout: adapterDropout,
    keeping: multiplied.count == targets.count ? kept : nil, scratch: scratch, in: context)
  if multiplied.count < targets.count {
    let others = targets.filter { !isMultiplied($0) }
    projectPacked(x, others, adapterDropout: adapterDropout, scratch: scratch, in: context)
  }
  return operands
}

/// sum[t, n] = x[t, n] + Σ over k of source[t, k] · weight[n, k] + bias[n], a residual connection.
///
/// - Parameters: source `[T, K]`, weight `[N, K]`; x and sum `[T, N]`, possibly the same
@discardableResult
package func project(
  _ source: RowSource, through linear: Linear, addedTo x: Tensor, into sum: Tensor,
  adapterDropout: UInt64? = nil, keeping kept: Workspace? = nil, scratch: Workspace,
  in context: ComputeContext
) -> ProjectionOperands? {
  let mark = scratch.mark()
  defer { scratch.release(to: mark) }
  // Products of bf16 and of 8 bits begin with what is added, so it may lie where the sum goes.
  let isInPlace = x !== sum || context.multipliesNarrow
  if isInPlace, linear.weight.isMultiplied(rows: source.rows, in: context) {
    return projectProducts(
      source, [(linear, sum)], addend: x, adapterDropout: adapterDropout, keeping: kept,
      scratch: scratch, in: context)
  }
  if x === sum, linear.weight.path(rows: source.rows, in: context) == .int16 {
    projectPacked(
      source, [(linear, sum)], accumulates: true, adapterDropout: adapterDropout, scratch: scratch,
      in: context)
    return nil
  }
  let output = scratch.tensor(rows: x.rows, columns: x.columns)
  let operands = project(
    source, [(linear, output)], adapterDropout: adapterDropout, keeping: kept, scratch: scratch,
    in: context)
  add(output, x, into: sum, in: context)
  return operands
}

extension LinearWeight {
  /// Whether the product is one of `multiply`: of parameters always, of other weights when both
  /// sides are rounded.
  fileprivate func isMultiplied(rows: Int, in context: ComputeContext) -> Bool {
    path(rows: rows, in: context) == .multiplied
  }

  fileprivate func path(rows: Int, in context: ComputeContext) -> PackedPath {
    FrozenWeight(self).map { PackedPath(of: $0, rows: rows, in: context) } ?? .multiplied
  }
}
