package import GPTTensor

/// How much of the loss is the distance to a teacher, and at which temperature that is measured.
package struct DistillationOptions: Sendable, Equatable {
  /// Divides the logits of both before the softmax: above 0, larger is softer.
  package var temperature: Float = 2
  /// Share of the loss, 0…1; the rest is cross-entropy.
  package var weight: Float = 0.5
  package init() {}
}

/// The rows of a second model, towards whose distribution over the same vocabulary the loss draws
/// that of the first.
///
///     loss[t] = (1 − weight) · crossEntropy[t] + weight · T² · Σ over v of p[v] · log (p[v] / q[v])
///
/// p is the teacher's distribution at temperature T, q the student's; T² keeps the gradient's size
/// whatever the temperature.
///
/// - Source: Hinton, Vinyals & Dean 2015, arXiv:1503.02531, section 2
package struct Teacher {
  /// What the output layer reads, `[T, C]` with the teacher's own width.
  let rows: Tensor
  /// `[V, C]`
  let output: Linear
  let options: DistillationOptions
  /// Where the teacher is computed.
  let context: ComputeContext

  package init(
    rows: Tensor, output: Linear, options: DistillationOptions, context: ComputeContext
  ) {
    self.rows = rows
    self.output = output
    self.options = options
    self.context = context
  }

  /// The teacher of some of the rows.
  func chosen(_ indices: [Int], scratch: Workspace) -> Teacher {
    Teacher(
      rows: rows.chosen(indices, scratch: scratch, in: context), output: output, options: options,
      context: context)
  }

  /// Logits `[range.count, V]` of some rows.
  func logits(of range: Range<Int>, scratch: Workspace) -> Tensor {
    let result = scratch.tensor(rows: range.count, columns: output.weight.outputs)
    let source = RowSource(rows: range.count, columns: rows.columns) { row, target in
      target.update(from: rows.row(range.lowerBound + row), count: rows.columns)
    }
    project(source, [(output, result)], scratch: scratch, in: context)
    return result
  }
}
