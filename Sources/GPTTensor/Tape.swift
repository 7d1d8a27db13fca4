/// What backward needs: the operations of a pass in order, and the gradients of its activations.
///
/// An operation records a closure that turns the gradient of its result into gradients of what it
/// read. `backward` runs the closures from the last to the first. A gradient lives from the first
/// operation that adds to it until the operation that made its tensor takes it; its memory is then
/// used again. After the first step of a shape nothing is allocated.
package final class Tape {
  private var steps: [() -> Void] = []
  private var gradients: [ObjectIdentifier: Tensor] = [:]
  private var free: [Tensor] = []
  private var place: Place?
  /// What the first operation that counts read, and nothing before it is trained.
  private var origin: ObjectIdentifier?

  package init() {}

  /// Nobody asks for the gradient of `tensor` or of what it was computed from.
  package func begin(after tensor: Tensor) { origin = ObjectIdentifier(tensor) }

  package func wantsGradient(of tensor: Tensor) -> Bool { origin != ObjectIdentifier(tensor) }

  /// Gradients lie in `workspace` from now on; between two backward passes others may use it.
  package func place(in workspace: Workspace) {
    precondition(gradients.isEmpty, "\(gradients.count) gradients in use")
    place = Place(workspace: workspace)
    free = []
  }

  package func record(_ backward: @escaping () -> Void) { steps.append(backward) }

  package func backward() {
    while let step = steps.popLast() { step() }
    origin = nil
  }

  /// The gradient of `tensor` to add to: zeros at first.
  package func gradient(of tensor: Tensor) -> Tensor {
    if let gradient = gradients[ObjectIdentifier(tensor)] { return gradient }
    let gradient = newGradient(of: tensor)
    gradient.clear()
    return gradient
  }

  /// The gradient of a tensor that has none yet; its elements are to be overwritten.
  package func newGradient(of tensor: Tensor) -> Tensor {
    let key = ObjectIdentifier(tensor)
    precondition(gradients[key] == nil, "a second gradient of one tensor")
    let gradient = unusedTensor(rows: tensor.rows, columns: tensor.columns)
    gradients[key] = gradient
    return gradient
  }

  /// Removes the finished gradient of `tensor`; the caller recycles it or gives it away.
  package func take(_ tensor: Tensor) -> Tensor {
    let result = gradient(of: tensor)
    gradients[ObjectIdentifier(tensor)] = nil
    return result
  }

  /// Makes `gradient` the one of `tensor`, which has none yet.
  package func give(_ gradient: Tensor, to tensor: Tensor) {
    guard wantsGradient(of: tensor) else { return recycle(gradient) }
    let previous = gradients.updateValue(gradient, forKey: ObjectIdentifier(tensor))
    precondition(previous == nil, "a second gradient of one tensor")
  }

  package func recycle(_ gradient: Tensor) {
    if place?.recycle(gradient) != true { free.append(gradient) }
  }

  private func unusedTensor(rows: Int, columns: Int) -> Tensor {
    if let tensor = place?.tensor(rows: rows, columns: columns) { return tensor }
    let index = free.firstIndex { $0.rows == rows && $0.columns == columns }
    guard let index else { return Tensor(rows: rows, columns: columns) }
    let tensor = free.remove(at: index)
    // Zeroes the padding: a step that diverged may have left NaN there, which nothing overwrites.
    tensor.reshape(rows: rows, columns: columns)
    return tensor
  }
}

/// Gradients in a workspace, which is a stack: they are given back in about the order in which they
/// were taken.
private struct Place {
  let workspace: Workspace
  private var taken: [(tensor: Tensor, isFree: Bool)] = []

  init(workspace: Workspace) { self.workspace = workspace }

  mutating func tensor(rows: Int, columns: Int) -> Tensor {
    let tensor = workspace.tensor(rows: rows, columns: columns)
    taken.append((tensor, false))
    return tensor
  }

  /// False: it came from somewhere else.
  mutating func recycle(_ tensor: Tensor) -> Bool {
    guard let index = taken.lastIndex(where: { $0.tensor === tensor }) else { return false }
    taken[index].isFree = true
    while taken.last?.isFree == true { taken.removeLast() }
    workspace.release(to: taken.count)
    return true
  }
}
