package import GPTTensor

/// A matrix as it lies in a tensor, or its transpose.
package struct MatrixView {
  let pointer: UnsafeMutablePointer<Float>
  /// Floats between the stored rows.
  let stride: Int
  package let rows: Int
  package let columns: Int
  /// Rows of the matrix are columns of the tensor.
  let isTransposed: Bool
}

extension Tensor {
  package var matrix: MatrixView { matrix(rows: 0..<rows) }

  package func matrix(rows range: Range<Int>) -> MatrixView {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return MatrixView(
      pointer: pointer + range.lowerBound * stride, stride: stride, rows: range.count,
      columns: columns, isTransposed: false)
  }
}

extension MatrixView {
  package var transposed: MatrixView {
    MatrixView(
      pointer: pointer, stride: stride, rows: columns, columns: rows, isTransposed: !isTransposed)
  }
}
