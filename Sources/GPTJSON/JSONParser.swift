/// Bounds on what a JSON document may ask of its reader.
public struct JSONLimits: Sendable {
  /// 128 levels is more than any published configuration, header or chat template uses.
  public var depth = 128
  /// The largest published tokenizer.json files are under 40 MB.
  public var bytes = 256 << 20
  /// Values of all kinds; the largest published vocabularies need about a million.
  public var values = 1 << 23
  public init() {}
}

/// A strict JSON reader for hostile input.
///
/// Foundation's reader silently keeps one of two equal keys, loses the order of members and turns
/// large integers into fractions; file headers need all three told apart.
public struct JSONParser {
  private let bytes: UnsafeRawBufferPointer
  private let limits: JSONLimits
  private var position = 0
  private var valueCount = 0

  private init(bytes: UnsafeRawBufferPointer, limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Parses one document that fills `bytes`, white space aside.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()
  ) throws(JSONError) -> JSONValue {
    guard bytes.count <= limits.bytes else {
      throw .tooLong(bytes: bytes.count, limit: limits.bytes)
    }
    var parser = JSONParser(bytes: bytes, limits: limits)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.unexpected("the end of the text") }
    return value
  }

  public static func parse(
    _ text: String, limits: JSONLimits = JSONLimits()
  ) throws(JSONError) -> JSONValue {
    let copy = Array(text.utf8)
    let result = copy.withUnsafeBytes { buffer in
      Result { () throws(JSONError) in try parse(buffer, limits: limits) }
    }
    return try result.get()
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func unexpected(_ expected: String) -> JSONError {
    let found: String =
      switch current {
      case nil: "the end of the text"
      case .some(let byte) where byte > 0x20 && byte < 0x7f:
        "'\(Character(UnicodeScalar(byte)))'"
      case .some(let byte): "byte 0x\(String(byte, radix: 16))"
      }
    return .invalid(offset: position, found: found, expected: expected)
  }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      position += 1
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard current == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth < limits.depth else { throw .tooDeep(offset: position, limit: limits.depth) }
    valueCount += 1
    guard valueCount <= limits.values else {
      throw .tooMany(offset: position, limit: limits.values)
    }
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .boolean(true))
    case UInt8(ascii: "f"): return try literal("false", .boolean(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
    default: throw unexpected("a value")
    }
  }

  private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError)
    -> JSONValue
  {
    for index in 0..<word.utf8CodeUnitCount {
      guard take(word.utf8Start[index]) else { throw unexpected("'\(word)'") }
    }
    return value
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var result = JSONObject()
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(result) }
    while true {
      skipSpace()
      let start = position
      guard current == UInt8(ascii: "\"") else { throw unexpected("a key") }
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw unexpected("':'") }
      guard result[key] == nil else { throw .duplicateKey(offset: start, key: key) }
      result[key] = try value(depth: depth + 1)
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(result) }
      guard take(UInt8(ascii: ",")) else { throw unexpected("',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var result: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(result) }
    while true {
      result.append(try value(depth: depth + 1))
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(result) }
      guard take(UInt8(ascii: ",")) else { throw unexpected("',' or ']'") }
    }
  }

  private mutating func digits() throws(JSONError) {
    guard let first = current, isDigit(first) else { throw unexpected("a digit") }
    while let byte = current, isDigit(byte) { position += 1 }
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    var whole = true
    if take(UInt8(ascii: ".")) {
      whole = false
      try digits()
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      whole = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if whole, let integer = Int(text) { return .integer(integer) }
    guard let double = Double(text) else {
      throw .invalid(offset: start, found: text.prefix(40).description, expected: "a number")
    }
    return .number(double)
  }

  private mutating func string() throws(JSONError) -> String {
    let opening = position
    position += 1
    let start = position
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    var units = Array(bytes[start..<position])
    while !take(UInt8(ascii: "\"")) {
      guard let byte = current, byte >= 0x20 else { throw unexpected("a string's end") }
      position += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &units) } else { units.append(byte) }
    }
    guard let result = String(validating: units, as: UTF8.self) else {
      throw .invalidUTF8(offset: opening)
    }
    return result
  }

  private mutating func escape(into units: inout [UInt8]) throws(JSONError) {
    guard let byte = current else { throw unexpected("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
    case UInt8(ascii: "b"): units.append(0x08)
    case UInt8(ascii: "f"): units.append(0x0c)
    case UInt8(ascii: "n"): units.append(0x0a)
    case UInt8(ascii: "r"): units.append(0x0d)
    case UInt8(ascii: "t"): units.append(0x09)
    case UInt8(ascii: "u"): units.append(contentsOf: Array(String(try unicodeEscape()).utf8))
    default:
      position -= 1
      throw unexpected("an escape")
    }
  }

  private mutating func unicodeEscape() throws(JSONError) -> Character {
    let high = try hexadecimal()
    guard high & 0xfc00 == 0xd800 else {
      // A lone low surrogate has no scalar value; RFC 8259 §8.2 leaves its meaning open.
      return Character(UnicodeScalar(high) ?? "\u{fffd}")
    }
    let mark = position
    guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
      position = mark
      return "\u{fffd}"
    }
    let low = try hexadecimal()
    guard low & 0xfc00 == 0xdc00 else {
      position = mark
      return "\u{fffd}"
    }
    let scalar = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff)
    return Character(UnicodeScalar(scalar) ?? "\u{fffd}")
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var result: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw unexpected("four hexadecimal digits")
      }
      result = result << 4 | UInt32(digit)
      position += 1
    }
    return result
  }
}
