/// A parsed JSON document (RFC 8259).
///
/// Integers that fit in 64 bits keep their exact value; every other number becomes a `Double`.
public enum JSONValue: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  public var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
  public var isNull: Bool { self == .null }

  /// The value of an integer or a fraction.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// What kind of value this is, for error messages.
  public var kind: String {
    switch self {
    case .null: "null"
    case .boolean: "a boolean"
    case .integer, .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  public subscript(key: String) -> JSONValue? { object?[key] }
}

/// The members of a JSON object in the order of the document.
public struct JSONObject: Equatable, Sendable {
  public private(set) var keys: [String] = []
  private var values: [ExactKey: JSONValue] = [:]

  public init() {}

  public init(_ members: [(String, JSONValue)]) {
    for (key, value) in members { self[key] = value }
  }

  public var count: Int { keys.count }
  public var members: [(key: String, value: JSONValue)] {
    keys.map { ($0, values[ExactKey($0)] ?? .null) }
  }

  public subscript(key: String) -> JSONValue? {
    get { values[ExactKey(key)] }
    set {
      if let newValue {
        if values.updateValue(newValue, forKey: ExactKey(key)) == nil { keys.append(key) }
      } else if values.removeValue(forKey: ExactKey(key)) != nil {
        keys.removeAll { ExactKey($0) == ExactKey(key) }
      }
    }
  }
}

/// A key compared scalar by scalar: Swift's strings are equal when they are canonically equivalent,
/// but vocabularies hold composed and decomposed spellings as different tokens.
private struct ExactKey: Hashable, Sendable {
  let text: String
  init(_ text: String) { self.text = text }

  static func == (left: ExactKey, right: ExactKey) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
