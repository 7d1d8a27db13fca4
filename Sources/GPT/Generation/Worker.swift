import Dispatch
import Synchronization

/// Runs computations one after the other on a thread of their own, off the cooperative pool: that
/// pool has few threads, and none of them may be kept busy for long.
final class Worker: Sendable {
  private let queue = DispatchQueue(label: "gpt.worker")
  private let cancelled = Atomic<Bool>(false)

  /// True from the moment the waiting task was cancelled; computations ask it between tokens.
  var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  func cancel() { cancelled.store(true, ordering: .relaxed) }

  func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws(LanguageModelError) -> Value
  ) async throws(LanguageModelError) -> Value {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        queue.async {
          continuation.resume(
            returning: Result { () throws(LanguageModelError) in try body() })
        }
      }
    } onCancel: {
      cancel()
    }
    return try result.get()
  }

  /// The same for a computation that asks whether it was cancelled.
  func evaluate<Value: Sendable>(
    _ body: @escaping @Sendable (Worker) throws(LanguageModelError) -> Value
  ) async throws(LanguageModelError) -> Value {
    try await run { [self] () throws(LanguageModelError) in try body(self) }
  }
}
