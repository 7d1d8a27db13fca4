package import GPTTensor

/// Rows of activations that exist, or that are computed one by one where they are needed.
///
/// Products round their left side to bf16 row by row, so that what a norm or an activation computes
/// need not pass through memory.
package struct RowSource {
  package let rows: Int
  package let columns: Int
  /// The rows, when they exist.
  package let tensor: Tensor?
  /// Writes row t to `columns` floats; may run on several threads.
  let fill: (Int, UnsafeMutablePointer<Float>) -> Void

  init(rows: Int, columns: Int, fill: @escaping (Int, UnsafeMutablePointer<Float>) -> Void) {
    self.rows = rows
    self.columns = columns
    self.fill = fill
    tensor = nil
  }

  package init(_ tensor: Tensor) {
    rows = tensor.rows
    columns = tensor.columns
    self.tensor = tensor
    fill = { row, target in target.update(from: tensor.row(row), count: tensor.columns) }
  }

  /// Computes all rows into `target` `[rows, columns]`, which may be what they are computed from.
  package func write(to target: Tensor, in context: ComputeContext) {
    context.forEachRow(rows) { row in fill(row, target.row(row)) }
  }

  /// The rows as a tensor, computed into `scratch` unless they exist.
  package func materialised(_ scratch: Workspace, in context: ComputeContext) -> Tensor {
    if let tensor { return tensor }
    let result = scratch.tensor(rows: rows, columns: columns)
    write(to: result, in: context)
    return result
  }
}
