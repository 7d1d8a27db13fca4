import GPTOps
import GPTTensor
import GPTWeights

/// A table with a row for each token or position.
enum Embedding: Sendable {
  /// In the file, row by row as it is looked up.
  case stored(StoredTensor)
  case parameter(Parameter)

  var parameter: Parameter? {
    if case .parameter(let parameter) = self { parameter } else { nil }
  }

  /// Writes row `index` to `target`.
  func copy(row index: Int, to target: UnsafeMutablePointer<Float>) {
    switch self {
    case .stored(let tensor): tensor.dequantise(row: index, into: target)
    case .parameter(let parameter):
      target.update(from: parameter.value.row(index), count: parameter.value.columns)
    }
  }
}
