/// A matrix of fp32 activations, `[rows, columns]`, row-major.
///
/// Rows start on 64-byte boundaries: `stride` is `columns` rounded up to 16, and the padding holds
/// zeros, so vector kernels need no tails. Exactly one thread writes an element at a time.
package final class Tensor: @unchecked Sendable {
  // Shapes change between operations only, and rows are asked for by the million: a check of
  // exclusive access at each would take a hundredth of a training step.
  @exclusivity(unchecked) package private(set) var rows: Int
  @exclusivity(unchecked) package private(set) var columns: Int
  @exclusivity(unchecked) package private(set) var stride: Int
  @exclusivity(unchecked) private var buffer: AlignedBuffer

  package init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    stride = Tensor.padded(columns)
    buffer = AlignedBuffer(byteCount: rows * stride * 4)
  }

  /// A tensor in memory that exists: its elements are what that holds, its padding zeros.
  package init(rows: Int, columns: Int, in memory: AlignedBuffer) {
    self.rows = rows
    self.columns = columns
    stride = Tensor.padded(columns)
    precondition(rows * stride * 4 <= memory.byteCount, "[\(rows), \(columns)] does not fit")
    buffer = memory
    clearPadding()
  }

  package var pointer: UnsafeMutablePointer<Float> { buffer.pointer(Float.self) }

  package func row(_ index: Int) -> UnsafeMutablePointer<Float> {
    precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
    return pointer + index * stride
  }

  /// Sets every element to zero.
  package func clear() { pointer.update(repeating: 0, count: rows * stride) }

  /// Bytes of memory behind the tensor.
  package var byteCount: Int { buffer.byteCount }

  /// Gives the tensor another shape; memory is replaced only when it is too small.
  package func reshape(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    stride = Tensor.padded(columns)
    if rows * stride * 4 > buffer.byteCount {
      buffer = AlignedBuffer(byteCount: rows * stride * 4)
    } else {
      clearPadding()
    }
  }

  private func clearPadding() {
    guard stride != columns else { return }
    for row in 0..<rows {
      (pointer + row * stride + columns).update(repeating: 0, count: stride - columns)
    }
  }

  /// Columns rounded up to whole vectors of 16.
  package static func padded(_ columns: Int) -> Int { (columns + 15) & ~15 }
}
