/// A trainable tensor: its value and, while it is trained, the gradient of the loss.
///
/// Matrices are `[out, in]`, vectors `[1, n]`; both tensors have the same shape and stride, and
/// their padding holds zeros. A thread changes an element alone.
package final class Parameter: @unchecked Sendable {
  /// The tensor's name in a Hugging Face checkpoint of a model with one tensor a parameter.
  package let name: String
  package let value: Tensor
  /// nil in a model that is only run.
  package private(set) var gradient: Tensor?
  /// False for norms and biases, which weight decay leaves alone.
  package let decays: Bool

  package init(name: String, value: Tensor, decays: Bool) {
    self.name = name
    self.value = value
    self.decays = decays
  }

  /// Makes room for a gradient, all zeros.
  package func prepareGradient() {
    gradient = gradient ?? Tensor(rows: value.rows, columns: value.columns)
  }

  /// Puts the gradient into memory that something else uses as well; what that holds is no gradient
  /// until it is cleared.
  package func placeGradient(in memory: AlignedBuffer) {
    gradient = Tensor(rows: value.rows, columns: value.columns, in: memory)
  }

  package var elementCount: Int { value.rows * value.columns }
}
