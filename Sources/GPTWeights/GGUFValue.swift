/// The types of metadata values, numbered as in a file.
///
/// - Source: the GGUF specification, `gguf_metadata_value_type`
package enum GGUFValueType: UInt32, Sendable {
  case uint8, int8, uint16, int16, uint32, int32, float32, boolean, string, array
  case uint64, int64, float64

  /// Bytes of a value; nil for strings and arrays, whose size the file gives.
  var size: Int? {
    switch self {
    case .uint8, .int8, .boolean: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }

  /// With its article, for messages.
  var phrase: String {
    switch self {
    case .uint8, .uint16, .uint32, .uint64: "an unsigned integer"
    case .int8, .int16, .int32, .int64: "an integer"
    case .float32, .float64: "a number"
    case .boolean: "a boolean"
    case .string: "a string"
    case .array: "an array"
    }
  }

  /// In the plural, for messages about arrays.
  var plural: String {
    switch self {
    case .string: "strings"
    case .boolean: "booleans"
    case .float32, .float64: "fractions"
    case .array: "arrays"
    default: "integers"
    }
  }
}

/// One metadata value of a GGUF file.
package enum GGUFValue: Sendable, Equatable {
  case integer(Int)
  /// An unsigned integer beyond `Int.max`.
  case large(UInt64)
  case number(Double)
  case boolean(Bool)
  /// Bytes that are not UTF-8 appear as U+FFFD.
  case string(String)
  /// Elements are not decoded until asked for.
  case array(elements: GGUFValueType, count: Int)
}

/// Where a value lies in the file; decoded only on demand.
struct GGUFField: Sendable {
  let type: GGUFValueType
  /// Of an array: the type of its elements and their number.
  var elements: GGUFValueType?
  var count = 1
  /// The bytes of the value, without the length in front of a string or an array.
  let range: Range<Int>

  var phrase: String {
    guard let elements else { return "is \(type.phrase)" }
    return "is an array of \(elements.plural)"
  }
}

extension GGUFField {
  /// The scalar that the bytes at `offset` stand for; nil for strings and arrays.
  static func scalar(
    _ type: GGUFValueType, at offset: Int, of bytes: UnsafeRawBufferPointer
  ) -> GGUFValue? {
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) -> Value {
      Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
    switch type {
    case .uint8: return .integer(Int(load(UInt8.self)))
    case .int8: return .integer(Int(load(Int8.self)))
    case .uint16: return .integer(Int(load(UInt16.self)))
    case .int16: return .integer(Int(load(Int16.self)))
    case .uint32: return .integer(Int(load(UInt32.self)))
    case .int32: return .integer(Int(load(Int32.self)))
    case .int64: return .integer(Int(load(Int64.self)))
    case .uint64:
      let value = load(UInt64.self)
      return Int(exactly: value).map(GGUFValue.integer) ?? .large(value)
    case .float32: return .number(Double(Float(bitPattern: load(UInt32.self))))
    case .float64: return .number(Double(bitPattern: load(UInt64.self)))
    case .boolean: return .boolean(load(UInt8.self) != 0)
    case .string, .array: return nil
    }
  }
}
