package import GPTOps
package import GPTTensor

/// Adam with decoupled weight decay (`adamWUpdate`).
package final class AdamW: Optimizer {
  private let beta1: Double
  private let beta2: Double
  private let epsilon: Double
  private let weightDecay: Double
  private let means: OptimizerSlots
  private let squares: OptimizerSlots

  package init(_ options: OptimizerOptions, parameters: [Parameter]) {
    beta1 = options.beta1.asWritten
    beta2 = options.beta2.asWritten
    epsilon = options.epsilon.asWritten
    weightDecay = options.weightDecay.asWritten
    means = OptimizerSlots("mean", for: parameters)
    squares = OptimizerSlots("square", for: parameters)
  }

  package func update(
    _ parameters: [Parameter], learningRate: Float, step: Int, gradientScale: Float,
    in context: ComputeContext
  ) {
    let numbers = AdamWStep(
      learningRate: Double(learningRate), beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: weightDecay, gradientScale: gradientScale, step: step)
    adamWUpdate(
      parameters, means: means.tensors, squares: squares.tensors, numbers, in: context)
  }

  package var state: [(name: String, tensor: Tensor)] { means.named + squares.named }
}
