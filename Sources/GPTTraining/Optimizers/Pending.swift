package import GPTOps
package import GPTTensor
package protocol Optimizer: AnyObject {
  func update(
    _ parameters: [Parameter], learningRate: Float, step: Int, gradientScale: Float,
    in context: ComputeContext)
  var state: [(name: String, tensor: Tensor)] { get }
}
func gradientNorm(_ parameters: [Parameter], in context: ComputeContext) -> Double {
  var sum = 0.0
  for parameter in parameters {
    guard let gradient = parameter.gradient else { continue }
    for index in 0..<gradient.rows * gradient.stride {
      sum += Double(gradient.pointer[index]) * Double(gradient.pointer[index])
    }
  }
  return sum.squareRoot()
}
func zeroGradients(_ parameters: [Parameter], in context: ComputeContext) {
  for parameter in parameters {
    guard let gradient = parameter.gradient else { continue }
    gradient.pointer.update(repeating: 0, count: gradient.rows * gradient.stride)
  }
}
package struct WeightAverage {
  let parameters: [Parameter]
  let tensors: [Tensor]
  let decay: Float
  package init(_ parameters: [Parameter], decay: Float) {
    self.parameters = parameters
    self.decay = decay
    tensors = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
  }
  package var state: [(name: String, tensor: Tensor)] { tensors.map { ("a", $0) } }
  package func update(in context: ComputeContext) {
    for (p, t) in zip(parameters, tensors) {
      for i in 0..<p.elementCount {
        t.pointer[i] = decay * t.pointer[i] + (1 - decay) * p.value.pointer[i]
      }
    }
  }
  package func exchange(in context: ComputeContext) {
    for (p, t) in zip(parameters, tensors) {
      for i in 0..<p.elementCount {
        (t.pointer[i], p.value.pointer[i]) = (p.value.pointer[i], t.pointer[i])
      }
    }
  }
}
package struct LearningRateSchedule: Sendable, Equatable {
  package var peak: Double
  package var totalSteps: Int
  package init(peak: Double, totalSteps: Int) {
    self.peak = peak
    self.totalSteps = totalSteps
  }
  package func rate(step: Int) -> Double { peak }
}
