/// Activation memory of one sequence of operations, handed out again on every pass.
///
/// A stack: `mark` remembers a depth, `release` gives back everything taken since. After the first
/// pass of a shape nothing is allocated.
package final class Workspace {
  private var slots: [Tensor] = []
  private var used = 0
  /// Given memory, and how much of it is slots already.
  private let memory: AlignedBuffer?
  private var filled = 0

  /// - Parameter memory: where tensors are made while there is room; the others get their own
  package init(in memory: AlignedBuffer? = nil) { self.memory = memory }

  package func tensor(rows: Int, columns: Int) -> Tensor {
    if used == slots.count { slots.append(makeTensor(rows: rows, columns: columns)) }
    let tensor = slots[used]
    used += 1
    tensor.reshape(rows: rows, columns: columns)
    return tensor
  }

  private func makeTensor(rows: Int, columns: Int) -> Tensor {
    let bytes = rows * Tensor.padded(columns) * 4
    guard let memory, bytes <= memory.byteCount - filled else {
      return Tensor(rows: rows, columns: columns)
    }
    let part = AlignedBuffer(of: memory, at: filled, byteCount: bytes)
    filled += bytes
    return Tensor(rows: rows, columns: columns, in: part)
  }

  package func mark() -> Int { used }

  /// What was taken since `mark`, in order.
  package func tensors(since mark: Int) -> ArraySlice<Tensor> { slots[mark..<used] }

  package func release(to mark: Int) {
    precondition(mark <= used, "released to \(mark) of \(used)")
    used = mark
  }

  /// Bytes held for reuse.
  package var byteCount: Int { slots.reduce(0) { $0 + $1.byteCount } }
}
