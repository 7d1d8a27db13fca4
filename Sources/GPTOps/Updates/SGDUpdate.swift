import CKernels
package import GPTTensor

/// Stochastic gradient descent with momentum, on all parameters in one pass.
///
///     h = gradientScale · gradient + λ p
///     b ← μ b + h
///     p ← p − η · (b, or h + μ b with Nesterov's momentum)
///
/// λ is 0 for parameters that do not decay.
///
/// - Parameters: momenta (b) are shaped as the parameters' values and start as zeros
/// - Source: Sutskever et al. 2013 (ICML 28), in the form of `torch.optim.SGD` without dampening
package func sgdUpdate(
  _ parameters: [Parameter], momenta: [Tensor], learningRate: Float, momentum: Float,
  nesterov: Bool, weightDecay: Float, gradientScale: Float, in context: ComputeContext
) {
  precondition(parameters.count == momenta.count)
  context.forEachFlatRange(of: parameters) { _, index, range in
    let parameter = parameters[index]
    parameter.checkLayout(of: momenta[index])
    let first = range.lowerBound
    var update = gpt_sgd_update(
      value: parameter.value.pointer + first, gradient: parameter.preparedGradient.pointer + first,
      momentum: momenta[index].pointer + first, count: range.count, gradient_scale: gradientScale,
      weight_decay: parameter.decays ? weightDecay : 0, momentum_decay: momentum,
      rate: learningRate, nesterov: nesterov ? 1 : 0)
    context.kernels.pointee.sgd_update(&update)
  }
}
