internal import GPTModel
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

  /// A number that is not finite spoils a sum of zeros.
  var weightsAreFinite: Bool {
    parts.model.parameters.allSatisfy { parameter in
      let value = parameter.value
      var sum = SIMD16<Float>(repeating: 0)
      let vectors = UnsafeRawPointer(value.pointer).assumingMemoryBound(to: SIMD16<Float>.self)
      for index in 0..<value.rows * value.stride / 16 { sum += vectors[index] * 0 }
      return (0..<16).allSatisfy { sum[$0] == 0 }
    }
  }
}
