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
  /// Where in its row each token's own document starts, the same shape: positions count from there
  /// and attention does not look before it. nil: a row is one document.
  package let segmentStarts: [Int32]?

  /// - Parameter segmentStarts: never falls within a row, and each is its own token's place or that
  ///   of the token before.
  package init(
    sequenceCount: Int, length: Int, inputs: [Int32], targets: [Int32],
    segmentStarts: [Int32]? = nil
  ) {
    let count = sequenceCount * length
    precondition(
      inputs.count == count && targets.count == count,
      "\(inputs.count) inputs and \(targets.count) targets of \(sequenceCount) × \(length)")
    self.sequenceCount = sequenceCount
    self.length = length
    self.inputs = inputs
    self.targets = targets
    self.segmentStarts = segmentStarts
    checkSegments()
  }

  private func checkSegments() {
    guard let segmentStarts else { return }
    precondition(
      segmentStarts.count == inputs.count,
      "\(segmentStarts.count) segment starts of \(sequenceCount) × \(length)")
    for (index, start) in segmentStarts.enumerated() {
      let place = index % length
      let previous = place > 0 ? segmentStarts[index - 1] : 0
      precondition(
        Int(start) == place || (place > 0 && start == previous),
        "a segment of token \(place) starts at \(start) after one at \(previous)")
    }
  }

  /// The position of each token in its own document.
  var positions: [Int32] {
    inputs.indices.map { Int32($0 % length) - (segmentStarts?[$0] ?? 0) }
  }

  /// Some sequences after the other, at most `count` at a time.
  package func parts(sequenceCount count: Int) -> [TokenBatch] {
    guard count < sequenceCount else { return [self] }
    return stride(from: 0, to: sequenceCount, by: count).map { first in
      let end = min(first + count, sequenceCount)
      let tokens = first * length..<end * length
      return TokenBatch(
        sequenceCount: end - first, length: length, inputs: Array(inputs[tokens]),
        targets: Array(targets[tokens]), segmentStarts: segmentStarts.map { Array($0[tokens]) })
    }
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

  /// What the sum of a batch's losses is divided by to give their mean, the `count` of its
  /// `LossSum`.
  func lossCount(of batch: TokenBatch) -> Int

  /// Floating-point operations of a training step, a token.
  func operationsPerToken(length: Int) -> Double
}

extension TrainableModel {
  package func zeroGradients() { GPTOps.zeroGradients(parameters, in: context) }

  /// Losses are those of tokens.
  package func lossCount(of batch: TokenBatch) -> Int { batch.targetCount }
}
