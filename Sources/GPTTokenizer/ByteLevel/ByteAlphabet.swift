/// The characters that byte-level BPE writes for bytes.
///
/// Printable Latin-1 characters stand for themselves; every other byte, in order, gets the next
/// character from U+0100 on.
///
/// - Source: Radford et al. 2019 (GPT-2), `bytes_to_unicode` in its encoder
package enum ByteAlphabet {
  package static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 256
    return (UInt32(0)..<256).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
        return Unicode.Scalar(UInt8(byte))
      }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? "\u{fffd}"
    }
  }()

  /// The byte that a scalar below U+0144 stands for.
  private static let bytes: [UInt8?] = {
    var bytes = [UInt8?](repeating: nil, count: 324)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = UInt8(byte) }
    return bytes
  }()

  /// The bytes that a text in UTF-8 stands for, nil when a character is not in the alphabet.
  static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var lead: UInt8?
    for unit in text {
      let scalar: Int
      if let first = lead {
        scalar = Int(first & 0x1f) << 6 | Int(unit & 0x3f)
        lead = nil
      } else if unit < 0x80 {
        scalar = Int(unit)
      } else {
        // The alphabet has no character of three bytes.
        guard unit < 0xe0 else { return nil }
        lead = unit
        continue
      }
      guard scalar < bytes.count, let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result
  }

  /// `bytes` as the alphabet writes them, in UTF-8.
  static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for byte in bytes {
      if let units = UTF8.encode(scalars[Int(byte)]) { result.append(contentsOf: units) }
    }
    return result
  }
}
