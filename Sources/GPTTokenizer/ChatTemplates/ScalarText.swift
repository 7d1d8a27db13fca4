/// Operations on text scalar by scalar, as Python's strings work; `String`'s own go by graphemes.
package enum ScalarText {
  static func firstRange(of part: String, in text: String) -> Range<String.Index>? {
    firstRange(of: Array(part.utf8), in: text, from: text.startIndex)
  }

  private static func firstRange(
    of part: [UInt8], in text: String, from start: String.Index
  ) -> Range<String.Index>? {
    guard let first = part.first else { return start..<start }
    let bytes = text.utf8
    var index = start
    while let found = bytes[index...].firstIndex(of: first) {
      if bytes[found...].starts(with: part) {
        return found..<bytes.index(found, offsetBy: part.count)
      }
      index = bytes.index(after: found)
    }
    return nil
  }

  /// The parts of `text` between occurrences of `separator`, which is not empty.
  package static func split(_ text: String, by separator: String, limit: Int = .max) -> [String] {
    var parts: [String] = []
    var start = text.startIndex
    let bytes = Array(separator.utf8)
    while parts.count < limit, !bytes.isEmpty,
      let range = firstRange(of: bytes, in: text, from: start)
    {
      parts.append(String(text[start..<range.lowerBound]))
      start = range.upperBound
    }
    return parts + [String(text[start...])]
  }

  /// The words of `text` between runs of white space.
  static func words(_ text: String) -> [String] {
    text.unicodeScalars.split(whereSeparator: isSpace).map { String($0) }
  }

  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
  }

  enum Side { case left, right, both }

  /// `text` without the characters of `characters` (white space for nil) at its ends.
  static func strip(_ text: String, _ characters: String?, _ side: Side) -> String {
    let set = characters.map { Set($0.unicodeScalars) }
    let isStripped = { (scalar: Unicode.Scalar) in set?.contains(scalar) ?? isSpace(scalar) }
    var scalars = text.unicodeScalars[...]
    if side != .right { scalars = scalars.drop(while: isStripped) }
    if side != .left {
      while let last = scalars.last, isStripped(last) { scalars.removeLast() }
    }
    return String(scalars)
  }

  /// The first letter of each word in upper case, the others in lower case.
  static func title(_ text: String) -> String {
    var result = ""
    var isInWord = false
    for scalar in text.unicodeScalars {
      let isLetter = scalar.properties.isAlphabetic
      let properties = scalar.properties
      result += isLetter && !isInWord ? properties.titlecaseMapping : properties.lowercaseMapping
      isInWord = isLetter
    }
    return result
  }

  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first else { return "" }
    return first.properties.titlecaseMapping
      + String(text.unicodeScalars.dropFirst()).lowercased()
  }
}
