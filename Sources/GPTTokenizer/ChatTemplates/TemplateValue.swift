internal import GPTJSON

/// A value of the expression language, with Python's notions of truth, equality and text.
indirect enum TemplateValue: Sendable {
  case undefined(String)
  case none
  case boolean(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
  case list([TemplateValue])
  case dictionary(TemplateDictionary)
  /// The number of a `namespace(…)`, whose members the interpreter holds.
  case namespace(Int)
  case macro(TemplateMacro)
  case function(String)

  init(_ value: JSONValue) {
    switch value {
    case .null: self = .none
    case .boolean(let value): self = .boolean(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .float(value)
    case .string(let value): self = .string(value)
    case .array(let values): self = .list(values.map(TemplateValue.init))
    case .object(let object):
      var result = TemplateDictionary()
      for (key, value) in object.members { result[key] = TemplateValue(value) }
      self = .dictionary(result)
    }
  }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .boolean(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .string(let value): !value.isEmpty
    case .list(let values): !values.isEmpty
    case .dictionary(let values): !values.keys.isEmpty
    case .namespace, .macro, .function: true
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  var double: Double? {
    switch self {
    case .boolean(let value): value ? 1 : 0
    case .integer(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }

  /// What kind of value this is, for messages.
  var kind: String {
    switch self {
    case .undefined(let name): "\(quotedForMessage(name)), which is undefined"
    case .none: "none"
    case .boolean: "a boolean"
    case .integer, .float: "a number"
    case .string: "a string"
    case .list: "a list"
    case .dictionary: "a mapping"
    case .namespace: "a namespace"
    case .macro, .function: "a function"
    }
  }

  /// Members to iterate over: of a list, a string's characters, a mapping's keys.
  var elements: [TemplateValue]? {
    switch self {
    case .list(let values): values
    case .string(let text): text.unicodeScalars.map { .string(String($0)) }
    case .dictionary(let values): values.keys.map { .string($0) }
    case .undefined: []
    default: nil
    }
  }

  var count: Int? {
    switch self {
    case .list(let values): values.count
    case .string(let text): text.unicodeScalars.count
    case .dictionary(let values): values.keys.count
    case .undefined: 0
    default: nil
    }
  }
}

/// A mapping from strings in order of insertion.
struct TemplateDictionary: Sendable {
  private(set) var keys: [String] = []
  private var values: [TokenText: TemplateValue] = [:]

  var members: [(key: String, value: TemplateValue)] {
    keys.map { ($0, self[$0] ?? .none) }
  }

  subscript(key: String) -> TemplateValue? {
    get { values[TokenText(key)] }
    set {
      guard let newValue else { return }
      if values.updateValue(newValue, forKey: TokenText(key)) == nil { keys.append(key) }
    }
  }
}

/// Writes values as text, never longer than `limit` bytes.
struct TemplateWriter {
  private(set) var text = ""
  private(set) var isFull = false
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  private mutating func write(_ part: String) {
    guard !isFull, text.utf8.count + part.utf8.count <= limit else {
      isFull = true
      return
    }
    text += part
  }

  /// `str(value)` of Python for `isNested` false, `repr(value)` for true.
  mutating func python(_ value: TemplateValue, isNested: Bool = false) {
    guard !isFull else { return }
    switch value {
    case .undefined: break
    case .none: write("None")
    case .boolean(let value): write(value ? "True" : "False")
    case .integer(let value): write(String(value))
    case .float(let value): write(Self.python(value))
    case .string(let value): write(isNested ? Self.quoted(value) : value)
    case .list(let values):
      write("[")
      separated(values) { $0.python($1, isNested: true) }
      write("]")
    case .dictionary(let values):
      write("{")
      separated(values.members) {
        $0.write(Self.quoted($1.key) + ": ")
        $0.python($1.value, isNested: true)
      }
      write("}")
    case .namespace: write("<namespace>")
    case .macro(let macro): write("<Macro '\(macro.name)'>")
    case .function(let name): write("<function \(name)>")
    }
  }

  private mutating func separated<Element>(
    _ elements: [Element], by separator: String = ", ",
    _ body: (inout TemplateWriter, Element) -> Void
  ) {
    for (index, element) in elements.enumerated() {
      if index > 0 { write(separator) }
      body(&self, element)
      if isFull { return }
    }
  }

  private static func python(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return "\(value)"
  }

  private static func quoted(_ text: String) -> String {
    let quote = text.contains("'") && !text.contains("\"") ? "\"" : "'"
    var result = quote
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where String(scalar) == quote: result += "\\" + quote
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + quote
  }

  /// `json.dumps(value, ensure_ascii=False, indent=indent)` of Python, which is what templates of
  /// `transformers` get for `tojson`.
  mutating func json(_ value: TemplateValue, indent: Int?, level: Int = 0) {
    guard !isFull else { return }
    func newline(_ level: Int) -> String {
      indent.map { "\n" + String(repeating: " ", count: $0 * level) } ?? ""
    }
    let separator = indent == nil ? ", " : "," + newline(level + 1)
    switch value {
    case .none, .undefined: write("null")
    case .boolean(let value): write(value ? "true" : "false")
    case .float(let value): write(Self.python(value))
    case .integer(let value): write(String(value))
    case .string(let value): write(Self.jsonString(value))
    case .list(let values):
      guard !values.isEmpty else { return write("[]") }
      write("[" + newline(level + 1))
      separated(values, by: separator) { $0.json($1, indent: indent, level: level + 1) }
      write(newline(level) + "]")
    case .dictionary(let values):
      guard !values.keys.isEmpty else { return write("{}") }
      write("{" + newline(level + 1))
      separated(values.members, by: separator) {
        $0.write(Self.jsonString($1.key) + ": ")
        $0.json($1.value, indent: indent, level: level + 1)
      }
      write(newline(level) + "}")
    case .namespace, .macro, .function: write("null")
    }
  }

  private static func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{c}": result += "\\f"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
