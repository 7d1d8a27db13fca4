package import GPT
import Synchronization

/// A task done by one model.
package struct EvaluationRun: Sendable {
  let model: String
  let adapters: [AdapterReference]
  package let result: EvaluationResult
  let seconds: Double

  /// Opens a model, has it do the task, and lets it go.
  ///
  /// - Parameter adapters: those that `open` puts on the model
  package static func evaluate(
    _ task: any EvaluationTask, adapters: [AdapterReference] = [],
    opening open: @Sendable () async throws -> LanguageModel
  ) async throws -> EvaluationRun {
    let model = try await open()
    let path = model.information.path
    let name = Self.name(path, adapters)
    let line = Mutex(ProgressLine())
    let estimate = RateEstimate()
    let progress = EvaluationProgress { done, total in
      let left = estimate.secondsLeft(done: Double(done), total: Double(total))
      line.withLock { line in
        line.show {
          "\(name): \(done) of \(total)"
            + (left.map { ", \(RateEstimate.text(seconds: $0)) left" } ?? "")
        }
      }
    }
    let start = ContinuousClock.now
    defer { line.withLock { $0.clear() } }
    let result = try await task.evaluate(model, progress: progress)
    return EvaluationRun(
      model: path, adapters: adapters, result: result,
      seconds: (ContinuousClock.now - start).inSeconds)
  }

  /// What people call it: the last parts of the paths.
  var name: String { Self.name(model, adapters) }

  private static func name(_ model: String, _ adapters: [AdapterReference]) -> String {
    ([model] + adapters.map(\.path)).map { path in
      path.split(separator: "/").last.map(String.init) ?? path
    }.joined(separator: " + ")
  }
}
