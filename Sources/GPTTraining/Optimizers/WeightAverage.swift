package import GPTOps
package import GPTTensor

/// An exponential moving average of parameters (EMA), which starts as a copy of them.
///
/// It remembers about 1 / (1 − decay) updates; a run much shorter than a few times that keeps a
/// share of the initial weights.
package struct WeightAverage {
  private let parameters: [Parameter]
  private let slots: OptimizerSlots
  private let decay: Double

  /// - Parameter decay: of the average a step, at least 0 and below 1.
  package init(_ parameters: [Parameter], decay: Float) {
    precondition(decay >= 0 && decay < 1, "decay \(decay)")
    self.parameters = parameters
    self.decay = decay.asWritten
    slots = OptimizerSlots("average", for: parameters)
    for (parameter, average) in zip(parameters, slots.tensors) {
      average.pointer.update(from: parameter.value.pointer, count: average.flatCount)
    }
  }

  /// To be called after every update of the parameters.
  package func update(in context: ComputeContext) {
    movingAverageUpdate(slots.tensors, towards: parameters, decay: decay, in: context)
  }

  /// Exchanges the parameters' values with the averages: once to evaluate or sample with the
  /// averages, and once more before training goes on.
  package func exchange(in context: ComputeContext) {
    context.forEachFlatRange(of: parameters) { _, index, range in
      let values = parameters[index].value.pointer
      let averages = slots.tensors[index].pointer
      for element in range {
        (values[element], averages[element]) = (averages[element], values[element])
      }
    }
  }

  /// What a checkpoint must hold, "<parameter name>.average", in the parameters' order.
  package var state: [(name: String, tensor: Tensor)] { slots.named }
}
