package import GPTOps
package import GPTTensor

/// Token sequences of equal length with what is to follow each token.
package struct TokenBatch: Sendable, Equatable {
  package let sequenceCount: Int
  package let length: Int
  /// `[sequenceCount, length]`, row-major
  package let inputs: [Int32]
  /// The same shape; a negative target is not counted.
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

  /// Targets that count.
  package var targetCount: Int { targets.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) } }
}

/// What a training loop needs of a model.
package protocol TrainableModel: AnyObject {
  /// In a fixed order, gradients prepared.
  var parameters: [Parameter] { get }
  var context: ComputeContext { get }

  /// Clears the gradients, before the first batch of a step.
  func zeroGradients()

  /// Adds d(scale · total loss)/dθ to every gradient.
  ///
  /// - Parameter dropoutKey: decides what dropout drops; another for every batch
  func accumulateGradients(
    _ batch: TokenBatch, scale: Float, dropoutKey: UInt64
  ) throws(ModelError) -> LossSum

  /// The loss alone, without dropout, smoothing or z-loss.
  func evaluate(_ batch: TokenBatch) throws(ModelError) -> LossSum

  /// Floating-point operations of a training step, a token.
  func operationsPerToken(length: Int) -> Double
}

extension TrainableModel {
  package func zeroGradients() { GPTOps.zeroGradients(parameters, in: context) }
}
