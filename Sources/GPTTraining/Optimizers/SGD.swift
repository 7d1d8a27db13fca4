package import GPTOps
package import GPTTensor

/// Stochastic gradient descent with momentum (`sgdUpdate`).
package final class SGD: Optimizer {
  private let momentum: Float
  private let nesterov: Bool
  private let weightDecay: Float
  private let momenta: OptimizerSlots

  package init(_ options: OptimizerOptions, parameters: [Parameter]) {
    momentum = options.momentum
    nesterov = options.nesterov
    weightDecay = options.weightDecay
    momenta = OptimizerSlots("momentum", for: parameters)
  }

  package func update(
    _ parameters: [Parameter], learningRate: Float, step: Int, gradientScale: Float,
    in context: ComputeContext
  ) {
    sgdUpdate(
      parameters, momenta: momenta.tensors, learningRate: learningRate, momentum: momentum,
      nesterov: nesterov, weightDecay: weightDecay, gradientScale: gradientScale, in: context)
  }

  package var state: [(name: String, tensor: Tensor)] { momenta.named }
}
