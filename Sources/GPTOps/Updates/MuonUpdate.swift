package import GPTTensor

/// How Muon's learning rate depends on a matrix's shape `[out, in]`.
package enum MuonRateAdjustment: String, CaseIterable, Sendable {
  /// η √max(1, out / in): Jordan's own.
  case original
  /// 0.2 η √max(out, in): updates as large as AdamW's, so that one learning rate serves both (Liu
  /// et al. 2025, arXiv:2502.16982, section 2.2).
  case matchAdamW

  package func factor(rows: Int, columns: Int) -> Double {
    let (out, input) = (Double(rows), Double(columns))
    return switch self {
    case .original: max(1, out / input).squareRoot()
    case .matchAdamW: 0.2 * max(out, input).squareRoot()
    }
  }
}

/// The numbers of one Muon update.
package struct MuonStep: Sendable, Equatable {
  package var learningRate: Double
  package var momentum: Double
  package var nesterov: Bool
  package var weightDecay: Double
  package var adjustment: MuonRateAdjustment
  /// Multiplies gradients before all else.
  package var gradientScale: Float

  package init(
    learningRate: Double, momentum: Double, nesterov: Bool, weightDecay: Double,
    adjustment: MuonRateAdjustment, gradientScale: Float
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.adjustment = adjustment
    self.gradientScale = gradientScale
  }
}

/// Momentum orthogonalised by Newton-Schulz, on one matrix.
///
///     g = gradientScale · gradient
///     b ← μ b + (1 − μ) g
///     O = NewtonSchulz(b, or (1 − μ) g + μ b with Nesterov's momentum)
///     p ← (1 − η λ) p − η · factor(shape) · O
///
/// - Parameters: momentum (b) is shaped as the parameter's value and starts as zeros; direction is
///   working memory
/// - Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon, as `torch.optim.Muon`
package func muonUpdate(
  _ parameter: Parameter, momentum: Tensor, direction: Tensor, _ step: MuonStep,
  orthogonaliser: NewtonSchulz, in context: ComputeContext
) {
  parameter.checkLayout(of: momentum)
  let value = parameter.value
  let gradient = parameter.preparedGradient
  let kept = Float(step.momentum)
  let taken = Float(1 - step.momentum) * step.gradientScale
  weightedSum(kept, momentum, taken, gradient, into: momentum, in: context)
  direction.reshape(rows: value.rows, columns: value.columns)
  if step.nesterov {
    weightedSum(kept, momentum, taken, gradient, into: direction, in: context)
  } else {
    weightedSum(1, momentum, 0, momentum, into: direction, in: context)
  }
  orthogonaliser.orthogonalise(direction, in: context)
  let decay = parameter.decays ? 1 - step.learningRate * step.weightDecay : 1
  let factor = step.adjustment.factor(rows: value.rows, columns: value.columns)
  weightedSum(
    Float(decay), value, Float(-step.learningRate * factor), direction, into: value, in: context)
}
