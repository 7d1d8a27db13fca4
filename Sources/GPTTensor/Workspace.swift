/// Activation memory of one sequence of operations, handed out again on every pass.
///
/// A stack: `mark` remembers a depth, `release` gives back everything taken since. After the first
/// pass of a shape nothing is allocated.
package final class Workspace {
  private struct Slot {
    let tensor: Tensor
    /// Where it begins in the given memory; nil: it has its own.
    var start: Int?
    /// Where the next one may begin there.
    var end: Int
  }

  private var slots: [Slot] = []
  private var used = 0
  /// Given memory, which others may use while this workspace has nothing in use.
  private var memory: AlignedBuffer?

  /// - Parameter memory: where tensors lie one behind the other while there is room; the others get
  ///   their own
  package init(in memory: AlignedBuffer? = nil) { self.memory = memory }

  /// Makes sure that tensors of so many bytes lie one behind the other, so that a place serves
  /// tensors of any shape in turn. Only while nothing is in use.
  ///
  /// - Returns: new memory for them, if there was not enough
  @discardableResult
  package func reserve(_ byteCount: Int) -> AlignedBuffer? {
    guard memory.map({ $0.byteCount < byteCount }) ?? true else { return nil }
    precondition(used == 0, "\(used) tensors in use")
    slots = []
    memory = AlignedBuffer(byteCount: byteCount)
    return memory
  }

  package func tensor(rows: Int, columns: Int) -> Tensor {
    let start = used == 0 ? 0 : slots[used - 1].end
    let bytes = rows * Tensor.padded(columns) * 4
    let isPart = memory.map { bytes <= $0.byteCount - start } ?? false
    if used < slots.count, slots[used].start == (isPart ? start : nil) {
      slots[used].tensor.reshape(rows: rows, columns: columns)
    } else {
      let tensor = makeTensor(rows: rows, columns: columns, start: isPart ? start : nil)
      let slot = Slot(tensor: tensor, start: isPart ? start : nil, end: start)
      if used == slots.count { slots.append(slot) } else { slots[used] = slot }
    }
    slots[used].end = isPart ? start + bytes : start
    used += 1
    return slots[used - 1].tensor
  }

  /// - Parameter start: the part of the memory from there on, so that the tensor may grow
  private func makeTensor(rows: Int, columns: Int, start: Int?) -> Tensor {
    guard let memory, let start else { return Tensor(rows: rows, columns: columns) }
    let part = AlignedBuffer(of: memory, at: start, byteCount: memory.byteCount - start)
    return Tensor(rows: rows, columns: columns, in: part)
  }

  package func mark() -> Int { used }

  /// What was taken since `mark`, in order.
  package func tensors(since mark: Int) -> [Tensor] { slots[mark..<used].map(\.tensor) }

  package func release(to mark: Int) {
    precondition(mark <= used, "released to \(mark) of \(used)")
    used = mark
  }

  /// Gives back what is held for reuse. Only while nothing is in use.
  package func discardMemory() {
    precondition(used == 0, "\(used) tensors in use")
    slots = []
    memory = nil
  }

  /// Bytes held for reuse, a workspace's own.
  package var byteCount: Int {
    slots.reduce(0) { $0 + ($1.start == nil ? $1.tensor.byteCount : 0) }
  }
}
