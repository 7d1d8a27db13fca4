internal import Dispatch
import Glibc
import Synchronization

/// Ctrl-C while something runs: the first one asks it to stop, the second one ends the process.
///
/// Sound although unchecked: `sources` are set up in `init` and only kept alive afterwards.
final class Interruption: @unchecked Sendable {
  private struct State {
    var stop: (@Sendable () -> Void)?
    var firstPress: ContinuousClock.Instant?
  }

  /// Signals that follow each other faster are one: programs such as timeout(1) send theirs to the
  /// process and to its group.
  private static let repetition: Duration = .milliseconds(300)

  private let state = Mutex(State())
  private let sources: [any DispatchSourceSignal]

  /// - Parameters:
  ///   - signals: those that mean the same as Ctrl-C
  ///   - idle: what Ctrl-C does while nothing runs; the default ends the process.
  init(
    signals: [Int32] = [SIGINT], idle: @escaping @Sendable () -> Void = { exit(130) }
  ) {
    let queue = DispatchQueue(label: "gpt.interruption")
    sources = signals.map { number in
      signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: queue)
    }
    for source in sources {
      source.setEventHandler { [weak self] in self?.press(idle: idle) }
      source.resume()
    }
  }

  /// Runs `body` in a task that Ctrl-C cancels.
  func guarding<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = Task { try await body() }
    state.withLock { $0 = State(stop: { task.cancel() }) }
    defer { state.withLock { $0.stop = nil } }
    return try await task.value
  }

  /// Whether Ctrl-C was pressed during the last `guarding`.
  var wasPressed: Bool { state.withLock { $0.firstPress != nil } }

  private func press(idle: () -> Void) {
    let now = ContinuousClock.now
    let (stop, first) = state.withLock { state in
      defer { state.firstPress = state.firstPress ?? now }
      return (state.stop, state.firstPress)
    }
    guard let stop else { return idle() }
    guard let first else { return stop() }
    if now - first > Self.repetition { exit(130) }
  }
}
