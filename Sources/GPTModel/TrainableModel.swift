package import GPTOps
package import GPTTensor

/// Sequences to learn from, `[sequenceCount, length]`, row-major.
package struct TokenBatch: Sendable {
  package let sequenceCount: Int
  package let length: Int
  package let inputs: [Int32]
  /// What follows each input; a negative target is not counted.
  package let targets: [Int32]

  package init(sequenceCount: Int, length: Int, inputs: [Int32], targets: [Int32]) {
    let count = sequenceCount * length
    precondition(
      inputs.count == count && targets.count == count,
      "\(inputs.count) inputs and \(targets.count) targets of \(sequenceCount) × \(length)")
    self.sequenceCount = sequenceCount
    self.length = length
    self.inputs = inputs
    self.targets = targets
  }
}

/// Sums over the counted targets of a batch.
package struct LossSum: Sendable, Equatable {
  /// What is minimised, in nats: the negative log likelihood with smoothing and penalties.
  package var total: Double
  package var negativeLogLikelihood: Double
  package var count: Int

  package init(total: Double, negativeLogLikelihood: Double, count: Int) {
    self.total = total
    self.negativeLogLikelihood = negativeLogLikelihood
    self.count = count
  }
}

/// What a trainer needs of a model.
package protocol TrainableModel: AnyObject {
  /// In a fixed order, with room for gradients.
  var parameters: [Parameter] { get }
  var context: ComputeContext { get }

  /// Adds d(scale · total)/dθ to every gradient.
  ///
  /// - Parameter dropoutKey: one number for each step and micro-batch
  func accumulateGradients(
    _ batch: TokenBatch, scale: Float, dropoutKey: UInt64
  ) throws(ModelError) -> LossSum

  /// The loss without dropout and without smoothing; gradients are left alone.
  func evaluate(_ batch: TokenBatch) throws(ModelError) -> LossSum

  /// Floating-point operations of one training step per token: 6 N and attention (Chowdhery et al.
  /// 2022, arXiv:2204.02311, appendix B).
  func operationsPerToken(length: Int) -> Double
}
