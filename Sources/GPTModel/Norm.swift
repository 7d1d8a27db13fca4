import GPTOps
import GPTTensor

/// Gain, and for layer norm bias, of a normalisation.
struct Norm: Sendable {
  let kind: ModelConfiguration.Normalisation
  let epsilon: Float
  let gain: Parameter
  let bias: Parameter?

  func rows(_ x: Tensor, in context: ComputeContext) -> RowSource {
    if kind == .layerNorm, let bias {
      layerNorm(x, gain: gain.value, bias: bias.value, epsilon: epsilon, in: context)
    } else {
      rmsNorm(x, gain: gain.value, epsilon: epsilon, in: context)
    }
  }

  /// Adds to the gradients of x and of the norm's parameters.
  func backward(
    _ dy: Tensor, x: Tensor, into dx: Tensor, scratch: Workspace, in context: ComputeContext
  ) {
    let mark = scratch.mark()
    defer { scratch.release(to: mark) }
    if kind == .layerNorm, let bias {
      layerNormBackward(
        dy, x: x, gain: gain, bias: bias, epsilon: epsilon, into: dx, scratch: scratch, in: context)
    } else {
      rmsNormBackward(
        dy, x: x, gain: gain, epsilon: epsilon, into: dx, scratch: scratch, in: context)
    }
  }
}
