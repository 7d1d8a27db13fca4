/// Keeps control sequences from files away from the terminal.
enum Escaping {
  /// `text` on one line: every control character is written as an escape.
  static func line(_ text: String) -> String { escape(text) { _ in false } }

  /// `text` with its lines and tabs; every other control character is written as an escape.
  static func text(_ text: String) -> String { escape(text) { $0 == "\n" || $0 == "\t" } }

  private static func escape(_ text: String, keeping: (Unicode.Scalar) -> Bool) -> String {
    // Scalars above U+009F are harmless but for the marks that turn the direction of text.
    guard text.unicodeScalars.contains(where: { isControl($0) && !keeping($0) }) else {
      return text
    }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isControl(scalar), !keeping(scalar) {
        result.append(contentsOf: escaped(scalar).unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0x202a...0x202e, 0x2066...0x2069: true
    default: false
    }
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default:
      return "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
}
