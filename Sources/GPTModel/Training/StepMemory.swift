import GPTOps
import GPTTensor

/// Memory of a step whose activations rest: what its three parts need one after the other.
///
///     forward    the insides of half a block
///     loss       the logits of a group of rows
///     backward   the gradients of the last block, the insides of half a block, and the gradients of
///                activations
struct StepMemory {
  let logits: Workspace
  /// `LossOptions.logitsAtOnce` that this is made for.
  let logitsAtOnce: Int
  let active: ActiveInsides
  let activationGradients: Workspace
  let lastBlock: AlignedBuffer
  /// Rows of a batch that this is enough for.
  let rows: Int

  /// Logits have at least so many numbers at once: smaller groups read the weight too often.
  private static let leastLogits = 16 << 20

  /// - Parameter lastBlock: parameters whose gradients are to lie here
  init(_ configuration: ModelConfiguration, rows: Int, lastBlock parameters: [Parameter]) {
    let gradientBytes = parameters.reduce(0) { $0 + $1.value.flatCount * 4 }
    let insideBytes = 4 * rows * configuration.insidesOfHalf
    let activationBytes = insideBytes + 4 * rows * Tensor.padded(configuration.width)
    let backward = gradientBytes + insideBytes + activationBytes
    let allLogits = rows * Tensor.padded(configuration.vocabularySize)
    let whole = AlignedBuffer(
      byteCount: max(backward, 4 * min(StepMemory.leastLogits, allLogits)))
    let insides = AlignedBuffer(of: whole, at: gradientBytes, byteCount: insideBytes)
    self.rows = rows
    logits = Workspace(in: whole)
    logitsAtOnce = min(LossOptions().logitsAtOnce, whole.byteCount / 4)
    active = ActiveInsides(
      attention: Workspace(in: insides), feedForward: Workspace(in: insides))
    activationGradients = Workspace(
      in: AlignedBuffer(
        of: whole, at: gradientBytes + insideBytes, byteCount: activationBytes))
    lastBlock = AlignedBuffer(of: whole, at: 0, byteCount: gradientBytes)
  }
}

extension ModelConfiguration {
  /// Floats a token that the insides of the larger half of a block take. Gradients of activations
  /// take as many, and those of the residual stream.
  fileprivate var insidesOfHalf: Int {
    let heads = Tensor.padded(headCount * headWidth)
    let groups = Tensor.padded(keyValueHeadCount * headWidth)
    let hidden = Tensor.padded(hiddenWidth) * (feedForward == .gatedSilu ? 2 : 1)
    return max(2 * heads + 2 * groups, hidden)
  }
}
