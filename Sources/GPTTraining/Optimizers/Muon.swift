package import GPTOps
package import GPTTensor

/// Orthogonalised momentum (`muonUpdate`) for the matrices of the blocks; AdamW for the rest.
///
/// Embeddings and the output are matrices too, but their rows stand for tokens: Jordan et al. 2024
/// leave them, norms and biases to AdamW.
package final class Muon: Optimizer {
  private let options: OptimizerOptions
  private let all: [Parameter]
  private let matrices: [Parameter]
  private let others: [Parameter]
  private let momenta: OptimizerSlots
  private let adamW: AdamW
  private let orthogonaliser = NewtonSchulz()
  private let direction = Tensor(rows: 1, columns: 1)

  package init(_ options: OptimizerOptions, parameters: [Parameter]) {
    self.options = options
    all = parameters
    matrices = parameters.filter(Muon.isBlockMatrix)
    others = parameters.filter { !Muon.isBlockMatrix($0) }
    momenta = OptimizerSlots("momentum", for: matrices)
    adamW = AdamW(options, parameters: others)
  }

  private static func isBlockMatrix(_ parameter: Parameter) -> Bool {
    parameter.name.hasPrefix("blocks.") && parameter.value.rows > 1
  }

  package func update(
    _ parameters: [Parameter], learningRate: Float, step: Int, gradientScale: Float,
    in context: ComputeContext
  ) {
    precondition(
      parameters.elementsEqual(all, by: ===), "parameters that this optimizer was not made for")
    let numbers = MuonStep(
      learningRate: Double(learningRate), momentum: options.momentum.asWritten,
      nesterov: options.nesterov, weightDecay: options.weightDecay.asWritten,
      adjustment: options.muonAdjustment, gradientScale: gradientScale)
    for (index, matrix) in matrices.enumerated() {
      muonUpdate(
        matrix, momentum: momenta.tensors[index], direction: direction, numbers,
        orthogonaliser: orthogonaliser, in: context)
    }
    adamW.update(
      others, learningRate: learningRate, step: step, gradientScale: gradientScale, in: context)
  }

  package var state: [(name: String, tensor: Tensor)] { momenta.named + adamW.state }
}
