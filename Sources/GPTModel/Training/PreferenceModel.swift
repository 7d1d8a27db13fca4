package import GPTOps
package import GPTTensor
import Glibc

/// Learns which of two answers is preferred: direct preference optimisation (DPO).
///
///     margin = β · ((log π(chosen) − log ρ(chosen)) − (log π(rejected) − log ρ(rejected)))
///     loss = −log sigmoid(margin)
///
/// π is the model, ρ the same model with its adapter off, which is never a second copy; a row's
/// log-probability is the sum over its targets. Batches have the rows chosen, rejected, chosen, …
/// with the prompts' targets negative.
///
/// - Source: Rafailov et al. 2023, arXiv:2305.18290, equation 7
package final class PreferenceModel: TrainableModel {
  package let model: TrainingModel
  package let beta: Float
  /// Of the pairs of training and of evaluation since they were last taken.
  private var trained = PreferenceStatistics()
  private var evaluated = PreferenceStatistics()

  /// - Parameters:
  ///   - model: one that trains an adapter and nothing else
  ///   - beta: how much a reward counts, above 0: small lets the model leave its reference
  package init(_ model: TrainingModel, beta: Float) {
    precondition(model.trainsAdapterAlone, "preferences are learned by an adapter alone")
    self.model = model
    self.beta = beta
  }

  package var parameters: [Parameter] { model.parameters }
  package var context: ComputeContext { model.context }

  /// Pairs.
  package func lossCount(of batch: TokenBatch) -> Int { batch.sequenceCount / 2 }

  package func zeroGradients() { model.zeroGradients() }

  package func accumulateGradients(
    _ batch: TokenBatch, scale: Float, dropoutKey: UInt64
  ) throws(ModelError) -> LossSum {
    let reference = try referenceScores(batch)
    var pairs = PreferencePairs(beta: beta, reference: reference)
    let loss = try model.accumulateGradients(batch, dropoutKey: dropoutKey) { rows, dx in
      pairs.policy = scores(rows, batch, gradients: (dx: dx, scale: scale))
      // The gradient is that of the sum of log-probabilities, row by row another factor: the
      // layers behind these rows do not learn.
      multiply(dx, sequenceFactors: pairs.factors)
      return pairs.loss
    }
    trained += pairs.statistics
    return loss
  }

  package func evaluate(_ batch: TokenBatch) throws(ModelError) -> LossSum {
    let pairs = PreferencePairs(
      beta: beta, reference: try referenceScores(batch), policy: try plainScores(batch))
    evaluated += pairs.statistics
    return pairs.loss
  }

  /// One forward pass more, of the reference.
  package func operationsPerToken(length: Int) -> Double {
    model.operationsPerToken(length: length)
      + model.configuration.trainingOperationsPerToken(length: length) / 3
  }

  /// Statistics of the pairs that were trained on since this was last asked.
  package func takeTrainingStatistics() -> PreferenceStatistics {
    defer { trained = PreferenceStatistics() }
    return trained
  }

  /// Statistics of the pairs that were evaluated since this was last asked.
  package func takeEvaluationStatistics() -> PreferenceStatistics {
    defer { evaluated = PreferenceStatistics() }
    return evaluated
  }

  private func referenceScores(_ batch: TokenBatch) throws(ModelError) -> [Double] {
    precondition(batch.sequenceCount.isMultiple(of: 2), "\(batch.sequenceCount) rows of pairs")
    return try model.withAdapterOff { () throws(ModelError) in try plainScores(batch) }
  }

  private func plainScores(_ batch: TokenBatch) throws(ModelError) -> [Double] {
    try model.withOutputRows(batch) { rows in scores(rows, batch, gradients: nil) }
  }

  /// log p of each sequence's targets.
  private func scores(
    _ rows: Tensor, _ batch: TokenBatch, gradients: (dx: Tensor, scale: Float)?
  ) -> [Double] {
    var result = [Double](repeating: 0, count: batch.sequenceCount)
    _ = model.loss(of: rows, batch, options: LossOptions(), gradients: gradients) {
      result[$0 / batch.length] -= $1
    }
    return result
  }

  private func multiply(_ dx: Tensor, sequenceFactors: [Float]) {
    let length = dx.rows / sequenceFactors.count
    context.forEachRow(dx.rows) { row in
      let (target, factor) = (dx.row(row), sequenceFactors[row / length])
      for column in 0..<dx.columns { target[column] *= factor }
    }
  }
}

/// Log-probabilities of answers, chosen and rejected in turn, by a model and its reference.
private struct PreferencePairs {
  let beta: Float
  let reference: [Double]
  var policy: [Double] = []

  private var margins: [Double] {
    stride(from: 0, to: policy.count, by: 2).map { chosen in
      Double(beta)
        * (policy[chosen] - reference[chosen] - policy[chosen + 1] + reference[chosen + 1])
    }
  }

  /// d(loss)/d(−log p) of each answer: ±β · sigmoid(−margin).
  var factors: [Float] {
    margins.flatMap { margin in
      let slope = Float(Double(beta) / (1 + exp(margin)))
      return [slope, -slope]
    }
  }

  /// Counted by pairs.
  var loss: LossSum {
    let sum = margins.reduce(0) { $0 + max(0, -$1) + log1p(exp(-abs($1))) }
    return LossSum(total: sum, negativeLogLikelihood: sum, count: margins.count)
  }

  var statistics: PreferenceStatistics {
    PreferenceStatistics(
      pairCount: margins.count, preferredCount: margins.count { $0 > 0 },
      marginSum: margins.reduce(0, +))
  }
}

/// How often, and by how much, a model prefers the chosen answers more than its reference does.
package struct PreferenceStatistics: Sendable, Equatable {
  package private(set) var pairCount = 0
  /// Pairs with a positive reward margin.
  package private(set) var preferredCount = 0
  package private(set) var marginSum = 0.0

  package init(pairCount: Int = 0, preferredCount: Int = 0, marginSum: Double = 0) {
    self.pairCount = pairCount
    self.preferredCount = preferredCount
    self.marginSum = marginSum
  }

  /// Share of pairs with a positive reward margin; nil without pairs.
  package var accuracy: Double? {
    pairCount > 0 ? Double(preferredCount) / Double(pairCount) : nil
  }

  /// Mean of β · (log-ratio of the chosen less that of the rejected answer); nil without pairs.
  package var meanMargin: Double? { pairCount > 0 ? marginSum / Double(pairCount) : nil }

  package static func += (left: inout PreferenceStatistics, right: PreferenceStatistics) {
    left.pairCount += right.pairCount
    left.preferredCount += right.preferredCount
    left.marginSum += right.marginSum
  }
}
