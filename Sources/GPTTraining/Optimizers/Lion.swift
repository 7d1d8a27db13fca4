package import GPTOps
package import GPTTensor

/// Evolved sign momentum (`lionUpdate`).
package final class Lion: Optimizer {
  private let beta1: Double
  private let beta2: Double
  private let weightDecay: Double
  private let momenta: OptimizerSlots

  package init(_ options: OptimizerOptions, parameters: [Parameter]) {
    beta1 = options.beta1.asWritten
    beta2 = options.beta2.asWritten
    weightDecay = options.weightDecay.asWritten
    momenta = OptimizerSlots("momentum", for: parameters)
  }

  package func update(
    _ parameters: [Parameter], learningRate: Float, step: Int, gradientScale: Float,
    in context: ComputeContext
  ) {
    let numbers = LionStep(
      learningRate: Double(learningRate), beta1: beta1, beta2: beta2, weightDecay: weightDecay,
      gradientScale: gradientScale)
    lionUpdate(parameters, momenta: momenta.tensors, numbers, in: context)
  }

  package var state: [(name: String, tensor: Tensor)] { momenta.named }
}
