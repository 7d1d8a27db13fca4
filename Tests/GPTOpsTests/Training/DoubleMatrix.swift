import GPTTensor
import TestSupport

/// A matrix in double precision, in which tests compute what they expect.
struct DoubleMatrix: Sendable {
  let rows: Int
  let columns: Int
  var elements: [Double]

  init(rows: Int, columns: Int, elements: [Double]? = nil) {
    self.rows = rows
    self.columns = columns
    self.elements = elements ?? [Double](repeating: 0, count: rows * columns)
  }

  init(_ tensor: Tensor, rounded: (Float) -> Float = { $0 }) {
    self.init(
      rows: tensor.rows, columns: tensor.columns,
      elements: (0..<tensor.rows).flatMap { row in
        (0..<tensor.columns).map { Double(rounded(tensor.row(row)[$0])) }
      })
  }

  subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  func row(_ index: Int) -> [Double] { Array(elements[index * columns..<(index + 1) * columns]) }

  var transposed: DoubleMatrix {
    var result = DoubleMatrix(rows: columns, columns: rows)
    for row in 0..<rows { for column in 0..<columns { result[column, row] = self[row, column] } }
    return result
  }

  var magnitudes: DoubleMatrix {
    DoubleMatrix(rows: rows, columns: columns, elements: elements.map(abs))
  }

  static func * (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
    precondition(left.columns == right.rows, "depth \(left.columns) and \(right.rows)")
    var result = DoubleMatrix(rows: left.rows, columns: right.columns)
    result.elements.withUnsafeMutableBufferPointer { sums in
      right.elements.withUnsafeBufferPointer { factors in
        for row in 0..<left.rows {
          for index in 0..<left.columns {
            let factor = left[row, index]
            for column in 0..<right.columns {
              sums[row * right.columns + column] +=
                factor * factors[index * right.columns + column]
            }
          }
        }
      }
    }
    return result
  }

  static func + (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(
      rows: left.rows, columns: left.columns,
      elements: zip(left.elements, right.elements).map(+))
  }
}

/// The gradient of f at x by central differences.
func centralDifferences(
  at x: [Double], step: Double = 1e-5, of f: ([Double]) -> Double
) -> [Double] {
  x.indices.map { index in
    var moved = x
    moved[index] = x[index] + step
    let above = f(moved)
    moved[index] = x[index] - step
    return (above - f(moved)) / (2 * step)
  }
}

/// Largest difference in parts of the largest magnitude expected; infinite when one is NaN.
func relativeDifference(_ found: Tensor, _ expected: DoubleMatrix) -> Double {
  guard found.rows == expected.rows, found.columns == expected.columns else { return .infinity }
  return relativeDifference(found.values, expected.elements)
}

/// Largest difference of an element in parts of its own scale; infinite when one is NaN.
func relativeDifference(
  _ found: Tensor, _ expected: DoubleMatrix, scales: DoubleMatrix
) -> Double {
  guard found.rows == expected.rows, found.columns == expected.columns else { return .infinity }
  let differences = zip(found.values, expected.elements).map { abs(Double($0) - $1) }
  return zip(differences, scales.elements).reduce(0) { worst, pair in
    let difference = pair.0 / max(pair.1, 1e-30)
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}
