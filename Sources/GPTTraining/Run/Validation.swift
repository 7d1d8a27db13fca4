internal import GPTModel
internal import GPTOps

extension Trainer {
  /// Mean loss over the validation set, and what follows from it for best model and patience; nil
  /// when it is not finite and the run went back to its last checkpoint.
  func validate() throws(TrainingError) -> Double? {
    let result = withAveragedWeights {
      Result { () throws(TrainingError) in try validationLoss() }
    }
    let loss = try result.get()
    guard loss.isFinite else {
      guard state.step > 0 else {
        throw .invalid(
          location: "the model before its first step", found: "a validation loss of \(loss)",
          expected: "a finite number")
      }
      try rollBack(because: "the validation loss", batch: max(0, state.batchIndex - 1))
      return nil
    }
    let isLower = state.bestValidationLoss.map { loss < $0 } ?? true
    if !isLower { state.patienceCount += 1 }
    let isBest = isLower && keepBest(loss)
    surroundings.observe(.validated(step: state.step, loss: loss, isBest: isBest))
    return loss
  }

  /// A model that could not be written is not the best one: the run would end without it.
  private func keepBest(_ loss: Double) -> Bool {
    let previous = state
    state.bestValidationLoss = loss
    state.bestStep = state.step
    state.patienceCount = 0
    do throws(TrainingError) {
      try publish()
      return true
    } catch {
      state = previous
      surroundings.observe(.notSaved(error))
      return false
    }
  }

  private func validationLoss() throws(TrainingError) -> Double {
    var sum = LossSum()
    for index in 0..<parts.data.validationBatchCount {
      do throws(ModelError) {
        sum += try parts.model.evaluate(parts.data.validationBatch(index))
      } catch { throw .model(error) }
    }
    return sum.negativeLogLikelihood / Double(sum.count)
  }

  /// Runs `body` with the averaged weights in the model's place, when the run has them.
  func withAveragedWeights<Value>(_ body: () -> Value) -> Value {
    guard let average = parts.average else { return body() }
    let context = parts.model.context
    average.exchange(in: context)
    defer { average.exchange(in: context) }
    return body()
  }
}
