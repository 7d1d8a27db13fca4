/// Reads the fields of one Protocol Buffers message from memory, checking every length.
///
/// - Source: https://protobuf.dev/programming-guides/encoding/
struct WireReader {
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  struct Field {
    let number: Int
    let value: Value
  }

  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int
  private let location: String

  init(_ bytes: ArraySlice<UInt8>, location: String) {
    self.bytes = bytes
    self.location = location
    position = bytes.startIndex
  }

  /// The next field, nil at the end of the message.
  mutating func next() throws(TokenizerError) -> Field? {
    guard position < bytes.endIndex else { return nil }
    let start = position
    let key = try varint()
    let number = key >> 3
    guard number >= 1, number < 1 << 29 else {
      throw failure("field number \(number) at byte \(start)", "1 to 536870911")
    }
    switch key & 7 {
    case 0: return Field(number: Int(number), value: .varint(try varint()))
    case 1: return Field(number: Int(number), value: .fixed64(try fixed(8)))
    case 2: return Field(number: Int(number), value: .bytes(try lengthDelimited()))
    case 5:
      return Field(number: Int(number), value: .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw failure("wire type \(key & 7) at byte \(start)", "0, 1, 2 or 5")
    }
  }

  private mutating func varint() throws(TokenizerError) -> UInt64 {
    let start = position
    var result: UInt64 = 0
    for index in 0..<10 {
      guard position < bytes.endIndex else {
        throw failure("the end of the message at byte \(start)", "a number")
      }
      let byte = bytes[position]
      position += 1
      if index == 9 && byte > 1 { break }
      result |= UInt64(byte & 0x7f) << UInt64(7 * index)
      if byte < 0x80 { return result }
    }
    throw failure("a number longer than 64 bits at byte \(start)", "at most 10 bytes")
  }

  private mutating func fixed(_ count: Int) throws(TokenizerError) -> UInt64 {
    guard bytes.endIndex - position >= count else {
      throw failure("the end of the message at byte \(position)", "\(count) bytes")
    }
    var result: UInt64 = 0
    for index in 0..<count { result |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    position += count
    return result
  }

  private mutating func lengthDelimited() throws(TokenizerError) -> ArraySlice<UInt8> {
    let start = position
    let length = try varint()
    let left = bytes.endIndex - position
    guard length <= UInt64(left) else {
      throw failure("a field of \(length) bytes at byte \(start)", "at most the \(left) left")
    }
    let end = position + Int(length)
    defer { position = end }
    return bytes[position..<end]
  }

  private func failure(_ found: String, _ expected: String) -> TokenizerError {
    .invalid(location: location, found: found, expected: expected)
  }
}

/// Writes the fields of one Protocol Buffers message.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ number: Int, _ value: UInt64) {
    raw(UInt64(number) << 3)
    raw(value)
  }

  mutating func boolean(_ number: Int, _ value: Bool) { varint(number, value ? 1 : 0) }

  mutating func float(_ number: Int, _ value: Float) {
    raw(UInt64(number) << 3 | 5)
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
    }
  }

  mutating func bytes(_ number: Int, _ value: [UInt8]) {
    raw(UInt64(number) << 3 | 2)
    raw(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
