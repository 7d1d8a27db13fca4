/// The printable stand-ins that byte-level vocabularies use for bytes.
///
/// Bytes that print in Latin-1 stand for themselves, the other 68 for U+0100 and up in order.
/// Source: Radford et al. 2019, GPT-2's published vocabulary.
enum ByteAlphabet {
  private static func isPrintable(_ byte: Int) -> Bool {
    (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
  }

  /// Scalar value for each byte.
  static let scalars: [UInt32] = {
    var next: UInt32 = 256
    return (0..<256).map { byte in
      if isPrintable(byte) { return UInt32(byte) }
      defer { next += 1 }
      return next
    }
  }()

  /// Byte for each scalar value below 324, −1 where there is none.
  private static let bytes: [Int16] = {
    var table = [Int16](repeating: -1, count: 324)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar)] = Int16(byte) }
    return table
  }()

  /// The bytes that a piece stands for, nil when a character stands for none.
  static func bytes(of piece: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(piece.utf8.count)
    for scalar in piece.unicodeScalars {
      guard scalar.value < 324, bytes[Int(scalar.value)] >= 0 else { return nil }
      result.append(UInt8(bytes[Int(scalar.value)]))
    }
    return result
  }

  static func piece(of byte: UInt8) -> String {
    UnicodeScalar(scalars[Int(byte)]).map { String(Character($0)) } ?? ""
  }
}
