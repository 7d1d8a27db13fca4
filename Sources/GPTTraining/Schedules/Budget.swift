import GPTTensor

/// What a run may spend: time, tokens or floating-point operations.
///
/// Tokens and operations make a number of steps before the run starts (`stepCount`). A time budget
/// sets a deadline instead: the schedule follows `fractionDone` of the seconds spent on training,
/// which are part of a trainer's saved state, so that a resumed run carries on where it stopped.
package enum Budget: Sendable, Equatable {
  case seconds(Double)
  case tokens(Int)
  case operations(Double)

  /// Beyond any run; keeps every later product and conversion in range.
  package static let secondsLimit = 1e9
  package static let tokensLimit = 1e18
  package static let operationsLimit = 1e36

  static let expected = "a time, tokens or operations, like 30m, 1h30m, 45s, 1e9tok or 1e15flop"

  /// Parses `1h30m`, `90s`, `1e9tok`, `1e15flop`.
  ///
  /// A plain number is refused: it could mean steps, which have an option of their own.
  package init(parsing text: String) throws(TrainingError) {
    guard let budget = Budget.parse(text) else {
      throw .invalid(
        location: "budget", found: "'\(text.printable())'", expected: Budget.expected)
    }
    self = budget
  }

  private static func parse(_ text: String) -> Budget? {
    // No number worth writing is longer; the bound keeps hostile ones cheap.
    guard text.utf8.count <= 64 else { return nil }
    if text.hasSuffix("tok") {
      guard let count = number(text.dropLast(3)), count >= 1, count <= tokensLimit else {
        return nil
      }
      return .tokens(Int(count))
    }
    if text.hasSuffix("flop") {
      guard let count = number(text.dropLast(4)), count >= 1, count <= operationsLimit else {
        return nil
      }
      return .operations(count)
    }
    guard let seconds = duration(text[...]), seconds > 0, seconds <= secondsLimit else {
      return nil
    }
    return .seconds(seconds)
  }

  /// Hours, minutes and seconds, each at most once and in this order.
  private static func duration(_ text: Substring) -> Double? {
    var rest = text
    var total = 0.0
    for (unit, seconds) in [("h", 3600.0), ("m", 60.0), ("s", 1.0)] as [(Character, Double)] {
      guard let end = rest.firstIndex(of: unit) else { continue }
      guard let count = number(rest[..<end]) else { return nil }
      total += count * seconds
      rest = rest[rest.index(after: end)...]
    }
    return rest.isEmpty ? total : nil
  }

  /// A decimal number without a sign; no hexadecimal, infinity or NaN, which `Double` would take.
  private static func number(_ text: Substring) -> Double? {
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
      text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }),
      let value = Double(text), value.isFinite
    else { return nil }
    return value
  }

  /// Steps that the budget pays for, at least 1; nil for a time budget.
  package func stepCount(tokensPerStep: Int, operationsPerToken: Double) -> Int? {
    precondition(tokensPerStep > 0, "\(tokensPerStep) tokens a step")
    switch self {
    case .seconds: return nil
    case .tokens(let count): return max(1, count / tokensPerStep)
    case .operations(let count):
      precondition(operationsPerToken > 0, "\(operationsPerToken) operations a token")
      return Budget.stepCount(count / (operationsPerToken * Double(tokensPerStep)))
    }
  }

  /// Steps that a time budget pays for at the measured pace, to be shown; nil for other budgets.
  package func estimatedStepCount(secondsPerStep: Double) -> Int? {
    guard case .seconds(let total) = self, secondsPerStep > 0 else { return nil }
    return Budget.stepCount(total / secondsPerStep)
  }

  private static func stepCount(_ steps: Double) -> Int {
    steps < tokensLimit ? max(1, Int(steps)) : Int(tokensLimit)
  }

  /// The share of a time budget that `elapsed` seconds of training have used, between 0 and 1; nil
  /// for other budgets. At 1 the run ends.
  package func fractionDone(elapsed: Double) -> Double? {
    guard case .seconds(let total) = self else { return nil }
    return min(1, max(0, elapsed / total))
  }
}
