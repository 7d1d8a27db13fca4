/// A line of standard error that redraws itself on a terminal, and plain lines every few seconds
/// elsewhere.
///
/// Used by one thread.
final class StatusLine {
  /// Between two redraws, and between two plain lines.
  private static let redrawSeconds = 0.1
  private static let plainSeconds = 5.0

  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant?
  private var isDrawn = false

  /// Shows `text`, unless another one was shown a moment ago.
  func show(_ text: @autoclosure () -> String) {
    let interval = StandardError.isTerminal ? Self.redrawSeconds : Self.plainSeconds
    if let last, (clock.now - last).inSeconds < interval { return }
    last = clock.now
    guard StandardError.isTerminal else { return StandardError.print(text()) }
    // Carriage return, the text, and erasure of what an earlier one left (ECMA-48 EL).
    StandardError.prompt("\r" + Escaping.line(text()) + "\u{1b}[K")
    isDrawn = true
  }

  /// A line that stays, above the status line.
  func print(_ line: String) {
    clear()
    StandardError.print(line)
  }

  /// Takes the status line away.
  func clear() {
    guard isDrawn else { return }
    StandardError.prompt("\r\u{1b}[K")
    isDrawn = false
  }
}
