/// Tells on standard error how far something is: a line that redraws itself on a terminal, a plain
/// line every few seconds elsewhere.
final class ProgressLine {
  private let isTerminal: Bool
  private let interval: Duration
  private var last: ContinuousClock.Instant?
  private var isDrawn = false

  init(isTerminal: Bool = StandardError.isTerminal) {
    self.isTerminal = isTerminal
    interval = isTerminal ? .milliseconds(100) : .seconds(5)
  }

  /// Shows a line, unless the last one was shown too short a time ago.
  func show(_ text: () -> String) {
    let now = ContinuousClock.now
    guard let last else {
      // What is done within the first interval is not worth a line.
      self.last = now
      return
    }
    guard now - last >= interval else { return }
    self.last = now
    guard isTerminal else { return StandardError.print(text()) }
    // Carriage return, and erase to the end of the line (ECMA-48, EL).
    StandardError.prompt("\r" + Escaping.line(text()) + "\u{1b}[K")
    isDrawn = true
  }

  /// Takes the line away, so that others can be printed.
  func clear() {
    guard isDrawn else { return }
    StandardError.prompt("\r\u{1b}[K")
    isDrawn = false
  }
}

/// How fast something goes and how long it will take.
struct RateEstimate {
  private let start = ContinuousClock.now

  /// Units a second since this was made.
  func rate(done: Double) -> Double {
    let seconds = (ContinuousClock.now - start).inSeconds
    return seconds > 0 ? done / seconds : 0
  }

  /// Seconds until `total` is reached; nil when nobody can say.
  func secondsLeft(done: Double, total: Double) -> Double? {
    let rate = rate(done: done)
    return rate > 0 ? max(0, total - done) / rate : nil
  }

  /// "42 s", "3 min 05 s", "2 h 10 min"
  static func text(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let whole = Int(max(0, seconds).rounded())
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(padded(whole % 60)) s" }
    return "\(whole / 3600) h \(padded(whole % 3600 / 60)) min"
  }
}
