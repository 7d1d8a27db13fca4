import CKernels
package import GPTTensor

/// The numbers of one AdamW update.
package struct AdamWStep: Sendable, Equatable {
  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double
  /// Multiplies gradients before all else.
  package var gradientScale: Float
  /// t, from 1.
  package var step: Int

  package init(
    learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
    gradientScale: Float, step: Int
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.gradientScale = gradientScale
    self.step = step
  }
}

/// Adam with decoupled weight decay, on all parameters in one pass.
///
///     g = gradientScale · gradient
///     m ← β₁ m + (1 − β₁) g
///     v ← β₂ v + (1 − β₂) g²
///     p ← (1 − η λ) p − η · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε)
///
/// η is the learning rate, λ the weight decay, 0 for parameters that do not decay.
///
/// - Parameters: means (m) and squares (v) are shaped as the parameters' values
/// - Source: Loshchilov & Hutter 2019, arXiv:1711.05101, as `torch.optim.AdamW` rounds it
package func adamWUpdate(
  _ parameters: [Parameter], means: [Tensor], squares: [Tensor], _ step: AdamWStep,
  in context: ComputeContext
) {
  precondition(parameters.count == means.count && means.count == squares.count)
  let meanCorrection = 1 - power(step.beta1, step.step)
  let squareCorrection = 1 - power(step.beta2, step.step)
  context.forEachFlatRange(of: parameters) { _, index, range in
    let parameter = parameters[index]
    parameter.checkLayout(of: means[index])
    parameter.checkLayout(of: squares[index])
    let decay = parameter.decays ? 1 - step.learningRate * step.weightDecay : 1
    let first = range.lowerBound
    var update = gpt_adamw_update(
      value: parameter.value.pointer + first, gradient: parameter.preparedGradient.pointer + first,
      mean: means[index].pointer + first, square: squares[index].pointer + first,
      count: range.count, gradient_scale: step.gradientScale, decay: Float(decay),
      mean_share: Float(1 - step.beta1), square_decay: Float(step.beta2),
      square_share: Float(1 - step.beta2), rate: Float(step.learningRate / meanCorrection),
      root_scale: Float(1 / squareCorrection.squareRoot()), epsilon: Float(step.epsilon))
    context.kernels.pointee.adamw_update(&update)
  }
}

/// base^exponent by squaring, so that a resumed run has the very same bits on any C library.
func power(_ base: Double, _ exponent: Int) -> Double {
  precondition(exponent >= 0, "power \(exponent)")
  var result = 1.0
  var square = base
  var left = exponent
  while left > 0 {
    if left & 1 == 1 { result *= square }
    square *= square
    left >>= 1
  }
  return result
}
