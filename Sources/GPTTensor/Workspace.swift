/// Activation memory of one sequence of operations, handed out again on every pass.
///
/// A stack: `mark` remembers a depth, `release` gives back everything taken since. After the first
/// pass of a shape nothing is allocated.
package final class Workspace {
  private var slots: [Tensor] = []
  private var used = 0

  package init() {}

  package func tensor(rows: Int, columns: Int) -> Tensor {
    if used == slots.count { slots.append(Tensor(rows: rows, columns: columns)) }
    let tensor = slots[used]
    used += 1
    tensor.reshape(rows: rows, columns: columns)
    return tensor
  }

  package func mark() -> Int { used }

  package func release(to mark: Int) {
    precondition(mark <= used, "released to \(mark) of \(used)")
    used = mark
  }

  /// Bytes held for reuse.
  package var byteCount: Int { slots.reduce(0) { $0 + $1.byteCount } }
}
