package import GPTTensor

/// Replaces a matrix by a nearby one whose singular values are all about 1.
///
///     X = U / max(‖U‖_F, 1e-7), transposed when U has more rows than columns
///     five times:  G = X Xᵀ;  X ← a X + (b G + c G²) X
///
/// The quintic's coefficients are chosen for its slope at zero, so that singular values end
/// between about 0.7 and 1.2, not at 1. Products in the context's precision. Keeps its working memory: after the
/// largest matrix was seen nothing is allocated.
///
/// - Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon (coefficients, ε, five steps)
package final class NewtonSchulz {
  private static let coefficients: (a: Float, b: Float, c: Float) = (3.4445, -4.7750, 2.0315)
  private static let iterations = 5
  private static let leastNorm = 1e-7

  private var x = Tensor(rows: 1, columns: 1)
  private var next = Tensor(rows: 1, columns: 1)
  private let gram = Tensor(rows: 1, columns: 1)
  private let polynomial = Tensor(rows: 1, columns: 1)

  package init() {}

  /// - Parameter matrix: U `[rows, columns]`, replaced.
  package func orthogonalise(_ matrix: Tensor, in context: ComputeContext) {
    let tall = matrix.rows > matrix.columns
    let rows = min(matrix.rows, matrix.columns)
    let columns = max(matrix.rows, matrix.columns)
    for wide in [x, next] { wide.reshape(rows: rows, columns: columns) }
    for square in [gram, polynomial] { square.reshape(rows: rows, columns: rows) }

    let norm = sumOfSquares(of: matrix, in: context).squareRoot()
    let scale = Float(1 / max(norm, NewtonSchulz.leastNorm))
    if tall {
      transpose(matrix, into: x, in: context)
      weightedSum(scale, x, 0, x, into: x, in: context)
    } else {
      weightedSum(scale, matrix, 0, matrix, into: x, in: context)
    }
    for _ in 0..<NewtonSchulz.iterations { iterate(in: context) }
    if tall {
      transpose(x, into: matrix, in: context)
    } else {
      weightedSum(1, x, 0, x, into: matrix, in: context)
    }
  }

  private func iterate(in context: ComputeContext) {
    let (a, b, c) = NewtonSchulz.coefficients
    multiply(x.matrix, x.matrix.transposed, into: gram.matrix, in: context)
    multiply(gram.matrix, gram.matrix, into: polynomial.matrix, in: context)
    weightedSum(b, gram, c, polynomial, into: polynomial, in: context)
    multiply(polynomial.matrix, x.matrix, into: next.matrix, in: context)
    weightedSum(a, x, 1, next, into: next, in: context)
    swap(&x, &next)
  }
}

/// y ← xᵀ: x `[M, N]`, y `[N, M]`.
func transpose(_ x: Tensor, into y: Tensor, in context: ComputeContext) {
  precondition(
    y.rows == x.columns && y.columns == x.rows,
    "[\(x.rows), \(x.columns)] transposed into [\(y.rows), \(y.columns)]")
  let block = 16
  context.pool.run((y.rows + block - 1) / block) { chunk, _ in
    let columns = chunk * block..<min((chunk + 1) * block, y.rows)
    for start in stride(from: 0, to: x.rows, by: block) {
      for column in columns {
        let source = x.pointer + column
        let target = y.pointer + column * y.stride
        for row in start..<min(start + block, x.rows) { target[row] = source[row * x.stride] }
      }
    }
  }
}
