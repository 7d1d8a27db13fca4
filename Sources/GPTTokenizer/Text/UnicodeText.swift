/// Character classes that tokenizers' regular expressions ask for, a bit each.
struct CharacterClass: OptionSet, Sendable {
  let rawValue: UInt8
  /// `\p{L}`
  static let letter = CharacterClass(rawValue: 1)
  /// `\p{N}`
  static let number = CharacterClass(rawValue: 2)
  /// `\s`
  static let space = CharacterClass(rawValue: 4)
  /// `\p{M}`
  static let mark = CharacterClass(rawValue: 8)
  /// `[\p{Lu}\p{Lt}]`
  static let upper = CharacterClass(rawValue: 16)
  /// `\p{Ll}`
  static let lower = CharacterClass(rawValue: 32)
  /// `\p{P}`
  static let punctuation = CharacterClass(rawValue: 64)
  /// `\p{S}`
  static let symbol = CharacterClass(rawValue: 128)

  static let ascii: [CharacterClass] = (0..<0x80).map { of(Unicode.Scalar(UInt8($0))) }

  /// The classes of a scalar value, from a table that the first character beyond ASCII makes.
  static func of(_ value: UInt32) -> CharacterClass {
    value < 0x80 ? ascii[Int(value)] : table[Int(value)]
  }

  /// The classes of every scalar value; asking Unicode.Scalar.Properties costs 50 times as much.
  private static let table: [CharacterClass] = {
    var table = [CharacterClass](repeating: [], count: 0x110000)
    for value in UInt32(0)..<0x110000 {
      // Planes 4 to 13 are unassigned, 15 and 16 private.
      if value >= 0x40000 && (value < 0xe0000 || value >= 0xe1000) { continue }
      guard let scalar = Unicode.Scalar(value) else { continue }
      table[Int(value)] = of(scalar)
    }
    return table
  }()

  private static func of(_ scalar: Unicode.Scalar) -> CharacterClass {
    let space: CharacterClass = scalar.properties.isWhitespace ? .space : []
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .titlecaseLetter: return [.letter, .upper]
    case .lowercaseLetter: return [.letter, .lower]
    case .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return .punctuation
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return .symbol
    default: return space
    }
  }
}

/// Walking over UTF-8 that is known to be valid, scalar by scalar.
enum UnicodeText {
  /// The scalar that begins at `position` and the position after it.
  @inline(__always)
  static func scalar(
    _ text: UnsafeBufferPointer<UInt8>, at position: Int
  ) -> (value: UInt32, next: Int) {
    let first = UInt32(text[position])
    if first < 0x80 { return (first, position + 1) }
    let length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    guard position + length <= text.count else { return (0xfffd, text.count) }
    var value = first & (0xff >> UInt32(length + 1))
    for index in 1..<length { value = value << 6 | UInt32(text[position + index]) & 0x3f }
    return (value < 0x110000 ? value : 0xfffd, position + length)
  }

  /// The scalar that ends before `position`, which is not 0.
  static func scalarBefore(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> UInt32 {
    scalar(text, at: startBefore(text, position)).value
  }

  static func startBefore(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> Int {
    var start = position - 1
    while start > 0 && text[start] & 0xc0 == 0x80 { start -= 1 }
    return start
  }

  static func isSpace(_ value: UInt32) -> Bool {
    CharacterClass.of(value).contains(.space)
  }

  /// `\w` as far as single-word tokens ask: letters, marks, numbers and the underscore.
  static func isWord(_ value: UInt32) -> Bool {
    value == 0x5f || !CharacterClass.of(value).isDisjoint(with: [.letter, .number, .mark])
  }

  static func skipSpace(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var position = start
    while position < text.count {
      let (value, next) = scalar(text, at: position)
      guard isSpace(value) else { break }
      position = next
    }
    return position
  }

  static func skipSpaceBackward(
    _ text: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int
  ) -> Int {
    var position = start
    while position > limit {
      let before = startBefore(text, position)
      guard isSpace(scalar(text, at: before).value) else { break }
      position = before
    }
    return position
  }
}
