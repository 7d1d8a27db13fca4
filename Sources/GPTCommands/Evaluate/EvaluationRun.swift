package import GPT
import Synchronization

/// A task done by one model.
package struct EvaluationRun: Sendable {
  let model: String
  package let result: EvaluationResult
  let seconds: Double

  /// Opens a model, has it do the task, and lets it go.
  package static func evaluate(
    _ task: any EvaluationTask, opening open: @Sendable () async throws -> LanguageModel
  ) async throws -> EvaluationRun {
    let model = try await open()
    let path = model.information.path
    let line = Mutex(ProgressLine())
    let estimate = RateEstimate()
    let progress = EvaluationProgress { done, total in
      let left = estimate.secondsLeft(done: Double(done), total: Double(total))
      line.withLock { line in
        line.show {
          "\(path): \(done) of \(total)"
            + (left.map { ", \(RateEstimate.text(seconds: $0)) left" } ?? "")
        }
      }
    }
    let start = ContinuousClock.now
    defer { line.withLock { $0.clear() } }
    let result = try await task.evaluate(model, progress: progress)
    return EvaluationRun(
      model: path, result: result, seconds: (ContinuousClock.now - start).inSeconds)
  }
}
