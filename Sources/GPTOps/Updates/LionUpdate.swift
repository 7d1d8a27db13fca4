import CKernels
package import GPTTensor

/// The numbers of one Lion update.
package struct LionStep: Sendable, Equatable {
  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var weightDecay: Double
  /// Multiplies gradients before all else.
  package var gradientScale: Float

  package init(
    learningRate: Double, beta1: Double, beta2: Double, weightDecay: Double, gradientScale: Float
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.gradientScale = gradientScale
  }
}

/// Evolved sign momentum, on all parameters in one pass.
///
///     g = gradientScale · gradient
///     p ← (1 − η λ) p − η · sign(β₁ m + (1 − β₁) g)
///     m ← β₂ m + (1 − β₂) g
///
/// λ is 0 for parameters that do not decay; the sign of 0 is 0.
///
/// - Parameters: momenta (m) are shaped as the parameters' values and start as zeros
/// - Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2
package func lionUpdate(
  _ parameters: [Parameter], momenta: [Tensor], _ step: LionStep, in context: ComputeContext
) {
  precondition(parameters.count == momenta.count)
  context.forEachFlatRange(of: parameters) { _, index, range in
    let parameter = parameters[index]
    parameter.checkLayout(of: momenta[index])
    let decay = parameter.decays ? 1 - step.learningRate * step.weightDecay : 1
    let first = range.lowerBound
    var update = gpt_lion_update(
      value: parameter.value.pointer + first, gradient: parameter.preparedGradient.pointer + first,
      momentum: momenta[index].pointer + first, count: range.count,
      gradient_scale: step.gradientScale, decay: Float(decay),
      update_share: Float(1 - step.beta1), momentum_share: Float(1 - step.beta2),
      rate: Float(step.learningRate))
    context.kernels.pointee.lion_update(&update)
  }
}
