/// The classes that pre-tokenisers distinguish: `\p{L}`, `\p{N}`, `\s` with line ends apart.
enum CharacterClass: UInt8 {
  case letter, number, space, lineEnd, other

  init(_ scalar: Unicode.Scalar) {
    if scalar.value < 128 {
      self = CharacterClass.ascii(UInt8(scalar.value))
      return
    }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      self = .letter
    case .decimalNumber, .letterNumber, .otherNumber: self = .number
    default: self = scalar.properties.isWhitespace ? .space : .other
    }
  }

  private static func ascii(_ byte: UInt8) -> CharacterClass {
    switch byte {
    case 0x41...0x5a, 0x61...0x7a: .letter
    case 0x30...0x39: .number
    case 0x0a, 0x0d: .lineEnd
    case 0x09, 0x0b, 0x0c, 0x20: .space
    default: .other
    }
  }

  var isSpace: Bool { self == .space || self == .lineEnd }
}
