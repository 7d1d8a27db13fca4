internal import Dispatch
import Synchronization

/// A training run that Ctrl-C asks to save and end.
enum InterruptibleTraining {
  /// - Parameter body: asks its argument between steps
  static func run(
    _ interruption: Interruption,
    _ body: @escaping @Sendable (@escaping () -> Bool) throws -> RunSummary
  ) async throws -> RunSummary {
    let stop = StopFlag()
    return try await interruption.guarding {
      try await withTaskCancellationHandler {
        try await onThreadOfItsOwn { try body { stop.isSet } }
      } onCancel: {
        stop.set()
      }
    }
  }
}

/// Set by the signal handler, read between steps.
private final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }

  func set() {
    flag.store(true, ordering: .relaxed)
    StandardError.print("finishing the step and saving; once more ends at once")
  }
}

/// Runs `body` off the cooperative pool, whose few threads must not be kept busy for hours.
private func onThreadOfItsOwn<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue(label: "gpt.training").async {
      continuation.resume(with: Result { try body() })
    }
  }
}
