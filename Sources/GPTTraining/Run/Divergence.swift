internal import GPTModel
internal import GPTOps
internal import GPTTensor

extension Trainer {
  /// Goes back to the last checkpoint and leaves out `batch` from now on.
  func rollBack(because quantity: String, batch: Int) throws(TrainingError) {
    let failed = state
    let rollback = failed.rollbacks + 1
    guard rollback <= options.maximumRollbacks else {
      throw .invalid(
        location: "step \(failed.step + 1)",
        found: "\(quantity) is not finite, after \(failed.rollbacks) returns to a checkpoint",
        expected: "a finite one (a lower learning rate or clip may help)")
    }
    guard var restored = try parts.store.restore() else {
      throw .invalid(
        location: "step \(failed.step + 1)",
        found: "\(quantity) is not finite, and no checkpoint can be read", expected: "one")
    }
    restored.rollbacks = rollback
    restored.skippedBatches = (failed.skippedBatches + [batch]).sorted()
    state = restored
    try cutLogs()
    surroundings.observe(
      .rolledBack(
        Rollback(
          quantity: quantity, failedStep: failed.step + 1, restoredStep: restored.step,
          skippedBatch: batch, count: rollback)))
  }

  /// Squares of fp32 numbers cannot overflow their sum in double precision.
  var weightsAreFinite: Bool {
    parts.model.parameters.allSatisfy {
      sumOfSquares(of: $0.value, in: parts.model.context).isFinite
    }
  }
}
