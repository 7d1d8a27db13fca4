package import GPTTensor

/// A tensor on its way into a file, produced row by row so that no copy of it is ever whole.
package struct TensorToWrite {
  package typealias Fill = (_ row: Int, _ destination: UnsafeMutablePointer<Float>) -> Void

  package let name: String
  package let dtype: DType
  /// Row-major, outermost dimension first.
  package let shape: [Int]
  /// Writes a row of the tensor seen as a matrix, as many floats as the innermost dimension has.
  ///
  /// Called for different rows at once when the writer has several threads.
  package let fill: Fill
  /// A row that is encoded in `dtype` already, to be copied as it is; nil: rows come from `fill`.
  package var encodedRow: ((_ row: Int) -> UnsafeRawPointer)?
  /// Finite numbers that would become infinite are errors; always so in quantised types.
  package var refusesOverflow = false
  /// Runs before the tensor's first row.
  package var prepare: (() -> Void)?
  /// Runs after the tensor's last row.
  package var finish: (() -> Void)?

  package init(name: String, dtype: DType, shape: [Int], fill: @escaping Fill) {
    precondition(
      (shape.last ?? 1) % dtype.blockLength == 0,
      "rows of \(shape.last ?? 1) elements of '\(name)' as \(dtype.rawValue)")
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.fill = fill
  }

  package var columnCount: Int { shape.last ?? 1 }
  package var rowCount: Int { shape.dropLast().reduce(1, *) }
  package var rowBytes: Int { columnCount / dtype.blockLength * dtype.blockBytes }
  package var byteCount: Int { rowCount * rowBytes }
}
