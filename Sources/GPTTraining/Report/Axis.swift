import Glibc

/// The range of values that one side of a chart shows, and where its ticks are.
package struct Axis {
  package let lower: Double
  package let upper: Double
  package let ticks: [(value: Double, label: String)]

  /// Larger values are not drawn: sums and differences of them would not be finite.
  package static let largestMagnitude = 1e100

  /// - Parameters:
  ///   - values: finite, at most `largestMagnitude`.
  ///   - tickCount: about how many ticks; their distance is 1, 2 or 5 times a power of ten.
  ///   - endsAtTicks: the range is widened to the ticks around it.
  ///   - isWhole: ticks only at whole numbers.
  package init(
    _ values: ClosedRange<Double>, tickCount: Int, endsAtTicks: Bool, isWhole: Bool = false
  ) {
    let range = Axis.widened(values)
    let step = TickStep(span: range.upperBound - range.lowerBound, count: tickCount, isWhole)
    // A bound that is a tick must not become its neighbour by a rounding error.
    let slack = endsAtTicks ? 1e-9 : -1e-9
    let first = (range.lowerBound / step.size + slack).rounded(endsAtTicks ? .down : .up)
    let last = (range.upperBound / step.size - slack).rounded(endsAtTicks ? .up : .down)
    lower = endsAtTicks ? first * step.size : range.lowerBound
    upper = endsAtTicks ? last * step.size : range.upperBound
    let style = step.style(largest: max(lower.magnitude, upper.magnitude))
    ticks = stride(from: first, through: last, by: 1).map { index in
      (
        index * step.size,
        decimalText(digits: Int(index) * step.digit, exponent: step.exponent, style: style)
      )
    }
  }

  /// 0 at `lower`, 1 at `upper`; values outside are put on the nearest end.
  package func share(of value: Double) -> Double {
    min(1, max(0, (value - lower) / (upper - lower)))
  }

  /// A range with room between its ends, also when all values are (almost) equal.
  private static func widened(_ values: ClosedRange<Double>) -> ClosedRange<Double> {
    let largest = max(values.lowerBound.magnitude, values.upperBound.magnitude)
    let room = largest < 1e-100 ? 1 : largest * 0.05
    let span = values.upperBound - values.lowerBound
    guard span <= max(largest * 1e-6, 1e-100) else { return values }
    return (values.lowerBound - room)...(values.upperBound + room)
  }
}

/// A distance between ticks: `digit` · 10^`exponent` with the digit 1, 2 or 5.
private struct TickStep {
  var digit: Int
  var exponent: Int

  init(span: Double, count: Int, _ isWhole: Bool) {
    let wanted = span / Double(count)
    exponent = Int(log10(wanted).rounded(.down))
    // The nearest digit on a logarithmic scale: the bounds are √(1·2), √(2·5) and √(5·10).
    switch wanted / pow(10, Double(exponent)) {
    case ..<2.0.squareRoot(): digit = 1
    case ..<10.0.squareRoot(): digit = 2
    case ..<50.0.squareRoot(): digit = 5
    default: (digit, exponent) = (1, exponent + 1)
    }
    if isWhole, exponent < 0 { (digit, exponent) = (1, 0) }
  }

  /// Divided rather than multiplied for fractions: 3 / 10 is the double nearest 0.3.
  var size: Double {
    let power = pow(10, Double(exponent.magnitude))
    return exponent < 0 ? Double(digit) / power : Double(digit) * power
  }

  /// One style for all ticks of an axis whose largest value is `largest`.
  func style(largest: Double) -> DecimalStyle {
    largest < 0.01 || largest >= 1e15 ? .scientific : .suffixed
  }
}
