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
    try reviveBest()
    try cutLogs()
    surroundings.observe(
      .rolledBack(
        Rollback(
          quantity: quantity, failedStep: failed.step + 1, restoredStep: restored.step,
          skippedBatch: batch, count: rollback), state))
  }

  /// Makes model and state agree after a return to an earlier step: the model may be of a course
  /// that is given up, or missing in a new folder.
  ///
  /// Without a checkpoint of the best step, the run reaches that model again from here; only with a
  /// budget of time its course is another one, and in a new folder it begins later, so the best is
  /// forgotten.
  ///
  /// To be called while the logs have the later steps.
  func reviveBest() throws(TrainingError) {
    guard let best = state.bestStep, !parts.store.hasModel || modelIsLater else { return }
    if best != state.step, try !parts.store.load(step: best) {
      guard options.seconds != nil || !parts.store.hasModel else { return }
      state.bestStep = nil
      state.bestValidationLoss = nil
      state.patienceCount = 0
      return
    }
    do throws(TrainingError) { try publish() } catch { surroundings.observe(.notSaved(error)) }
    if best == state.step { return }
    guard try parts.store.load(step: state.step) else {
      throw .invalid(
        location: "step \(state.step)", found: "its checkpoint cannot be read again",
        expected: "the one that was just read")
    }
  }

  /// Whether a validation after this step was the best one.
  private var modelIsLater: Bool {
    let best = state.bestValidationLoss ?? .infinity
    return parts.metrics.records.contains { record in
      record.step > state.step && record.validationLoss.map { $0 < best } ?? false
    }
  }

  /// Squares of fp32 numbers cannot overflow their sum in double precision.
  var weightsAreFinite: Bool {
    parts.model.parameters.allSatisfy {
      sumOfSquares(of: $0.value, in: parts.model.context).isFinite
    }
  }
}
