import Glibc

/// How a decimal number is written.
package enum DecimalStyle {
  /// `0.0015`, `12000`
  case plain
  /// `12k`, `1.5M`; below a thousand like `plain`.
  case suffixed
  /// `1.5e-3`
  case scientific
}

/// Text of `digits` · 10^`exponent`, exactly.
package func decimalText(digits: Int, exponent: Int, style: DecimalStyle) -> String {
  guard digits != 0 else { return "0" }
  var text = String(digits.magnitude)
  var exponent = exponent
  while text.last == "0" {
    text.removeLast()
    exponent += 1
  }
  let sign = digits < 0 ? "−" : ""
  let leading = text.count + exponent - 1
  switch style {
  case .plain: return sign + pointed(text, exponent: exponent)
  case .scientific:
    return "\(sign)\(pointed(text, exponent: 1 - text.count))e\(leading)"
  case .suffixed:
    let power = leading < 3 ? 0 : min(4, leading / 3)
    return sign + pointed(text, exponent: exponent - 3 * power) + ["", "k", "M", "G", "T"][power]
  }
}

/// `value` to a few significant digits in the shortest style; "–" when it is no number.
package func significantText(_ value: Double?, digits count: Int = 4) -> String {
  guard let value, value.isFinite else { return "–" }
  guard value != 0 else { return "0" }
  let leading = Int(log10(value.magnitude).rounded(.down))
  // A power beyond the range of Double, where the value is subnormal, is no matter for a report.
  let scaled = (value / pow(10, Double(leading - count + 1))).rounded()
  guard scaled.isFinite, scaled.magnitude < 1e15 else { return "\(value)" }
  let style: DecimalStyle = leading < -2 || leading > 14 ? .scientific : .suffixed
  return decimalText(digits: Int(scaled), exponent: leading - count + 1, style: style)
}

/// The digits with a decimal point or zeros where `exponent` wants them.
private func pointed(_ digits: String, exponent: Int) -> String {
  if exponent >= 0 { return digits + String(repeating: "0", count: exponent) }
  let whole = digits.count + exponent
  guard whole > 0 else { return "0." + String(repeating: "0", count: -whole) + digits }
  return "\(digits.prefix(whole)).\(digits.suffix(-exponent))"
}
