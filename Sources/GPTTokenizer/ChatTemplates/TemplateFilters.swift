extension TemplateInterpreter {
  func filter(
    _ name: String, _ value: TemplateValue, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    switch name {
    case "default", "d":
      let replaces =
        arguments.value(1, "boolean")?.isTrue == true ? !value.isTrue : value.isUndefined
      return replaces ? arguments.value(0, "default_value") ?? .string("") : value
    case "tojson": return try json(value, arguments)
    case "length", "count":
      guard let count = value.count else { throw failure("the length of \(value.kind)") }
      return .integer(count)
    case "join":
      let attribute: String? =
        if case .string(let name) = arguments.value(1, "attribute") { name } else { nil }
      return try joined(
        value, separator: try text(arguments.value(0, "d") ?? .string("")), attribute: attribute)
    case "int", "float", "abs", "round": return try number(name, value, arguments)
    case "string": return try string(try text(value))
    case "safe", "escape", "e": return value
    case "trim", "upper", "lower", "title", "capitalize", "replace", "indent":
      return try textFilter(name, try text(value), arguments)
    default: return try listFilter(name, value, arguments)
    }
  }

  private func json(
    _ value: TemplateValue, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    var indent: Int?
    if case .integer(let width) = arguments.named["indent"] ?? arguments.value(1, "indent") {
      guard (0...32).contains(width) else { throw failure("an indent of \(width)") }
      indent = width
    }
    for name in arguments.named.keys where !["indent", "ensure_ascii"].contains(name) {
      throw unsupported("'tojson' with '\(escapedForMessage(name))'")
    }
    var writer = TemplateWriter(limit: Limits.outputBytes)
    writer.json(value, indent: indent)
    if writer.isFull { throw tooLong() }
    return try string(writer.text)
  }

  private func number(
    _ name: String, _ value: TemplateValue, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    switch (name, value) {
    case ("int", .integer), ("abs", .integer(0...)): return value
    case ("abs", .integer(let value)) where value != Int.min: return .integer(-value)
    case ("abs", .float(let value)): return .float(abs(value))
    case ("int", .string(let text)): return .integer(Int(ScalarText.strip(text, nil, .both)) ?? 0)
    case ("float", .string(let text)):
      return .float(Double(ScalarText.strip(text, nil, .both)) ?? 0)
    case ("int", _):
      return .integer(value.double.flatMap { Int(exactly: $0.rounded(.towardZero)) } ?? 0)
    case ("float", _): return .float(value.double ?? 0)
    case ("round", _) where arguments.positional.isEmpty && value.double != nil:
      return .float((value.double ?? 0).rounded(.toNearestOrEven))
    default: throw unsupported("'\(name)' of \(value.kind)")
    }
  }

  private func textFilter(
    _ name: String, _ text: String, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    let first: String? =
      if case .string(let text) = arguments.positional.first { text } else { nil }
    switch name {
    case "trim": return try string(ScalarText.strip(text, first, .both))
    case "upper": return try string(text.uppercased())
    case "lower": return try string(text.lowercased())
    case "title": return try string(ScalarText.title(text))
    case "capitalize": return try string(ScalarText.capitalized(text))
    case "replace":
      return try replaced(text, first, arguments.value(1, "new"), arguments.value(2, "count"))
    default: return try indented(text, arguments)
    }
  }

  private func indented(
    _ text: String, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    var width = 4
    if case .integer(let value) = arguments.value(0, "width") { width = min(max(value, 0), 64) }
    let pad = String(repeating: " ", count: width)
    let isFirst = arguments.value(1, "first")?.isTrue ?? false
    let lines = ScalarText.split(text, by: "\n")
    guard lines.count <= Limits.outputBytes / 64 else { throw tooLong() }
    let padded = lines.enumerated().map { index, line in
      (index == 0 ? isFirst : !line.isEmpty) ? pad + line : line
    }
    return try string(padded.joined(separator: "\n"))
  }

  private func listFilter(
    _ name: String, _ value: TemplateValue, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    if name == "items" || name == "dictsort", case .dictionary(let members) = value {
      let pairs = members.members
      let sorted =
        name == "items" ? pairs : pairs.sorted { $0.key.lowercased() < $1.key.lowercased() }
      return try list(sorted.map { .list([.string($0.key), $0.value]) })
    }
    guard Self.listFilters.contains(name) else {
      throw unsupported("the filter \(quotedForMessage(name))")
    }
    guard let elements = value.elements else { throw failure("'\(name)' of \(value.kind)") }
    try charge(elements.count)
    switch name {
    case "first": return elements.first ?? .undefined("the first of nothing")
    case "last": return elements.last ?? .undefined("the last of nothing")
    case "list", "items": return try list(elements)
    case "reverse":
      guard case .string(let text) = value else { return try list(elements.reversed()) }
      return try string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
    case "unique":
      var kept: [TemplateValue] = []
      for element in elements where !(try contains(.list(kept), element)) { kept.append(element) }
      return try list(kept)
    case "map": return try list(try mapped(elements, arguments))
    default:
      return try list(try selected(elements, name, arguments))
    }
  }

  private static let listFilters: Set<String> = [
    "first", "last", "list", "items", "reverse", "unique", "map", "select", "reject", "selectattr",
    "rejectattr",
  ]

  private func mapped(
    _ elements: [TemplateValue], _ arguments: Arguments
  ) throws(TokenizerError) -> [TemplateValue] {
    var result: [TemplateValue] = []
    for element in elements {
      if let name = arguments.named["attribute"] {
        let value = try attribute(try text(name), of: element)
        result.append(value.isUndefined ? arguments.named["default"] ?? value : value)
      } else {
        let name = try text(arguments.positional.first ?? .none)
        let rest = Arguments(
          positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        result.append(try filter(name, element, rest))
      }
    }
    return result
  }

  private func selected(
    _ elements: [TemplateValue], _ name: String, _ arguments: Arguments
  ) throws(TokenizerError) -> [TemplateValue] {
    var rest = arguments.positional[...]
    let member = name.hasSuffix("attr") ? rest.popFirst() : nil
    let testName = rest.popFirst()
    var kept: [TemplateValue] = []
    for element in elements {
      let value =
        if let member { try attribute(try text(member), of: element) } else { element }
      let holds =
        if let testName { try test(try text(testName), value, Array(rest)) } else { value.isTrue }
      if holds == name.hasPrefix("select") { kept.append(element) }
    }
    return kept
  }

  func test(
    _ name: String, _ value: TemplateValue, _ arguments: [TemplateValue]
  ) throws(TokenizerError) -> Bool {
    let other = arguments.first ?? .none
    switch (name, value) {
    case ("defined", _): return !value.isUndefined
    case ("undefined", _): return value.isUndefined
    case ("none", .none), ("string", .string), ("boolean", .boolean), ("integer", .integer),
      ("float", .float), ("mapping", .dictionary), ("callable", .macro), ("callable", .function),
      ("number", .integer), ("number", .float), ("number", .boolean):
      return true
    case ("none", _), ("string", _), ("boolean", _), ("integer", _), ("float", _),
      ("mapping", _), ("callable", _), ("number", _):
      return false
    case ("iterable", _): return value.elements != nil
    case ("sequence", _): return value.count != nil
    case ("true", .boolean(let value)): return value
    case ("false", .boolean(let value)): return !value
    case ("true", _), ("false", _): return false
    case ("odd", .integer(let value)): return value % 2 != 0
    case ("even", .integer(let value)): return value % 2 == 0
    case ("divisibleby", .integer(let value)):
      guard case .integer(let divisor) = other, divisor != 0, divisor != -1 else { return true }
      return value % divisor == 0
    case ("equalto", _), ("eq", _), ("==", _), ("sameas", _): return try same(name, value, other)
    case ("ne", _), ("!=", _): return !(try equal(value, other))
    case ("in", _): return try contains(other, value)
    default: throw unsupported("the test \(quotedForMessage(name))")
    }
  }

  /// `sameas` is identity, which among the values of a template is equality of the same kind.
  private func same(
    _ name: String, _ value: TemplateValue, _ other: TemplateValue
  ) throws(TokenizerError) -> Bool {
    if name == "sameas" {
      switch (value, other) {
      case (.boolean, .boolean), (.integer, .integer), (.none, .none), (.string, .string): break
      case (.boolean, _), (_, .boolean): return false
      default: break
      }
    }
    return try equal(value, other)
  }
}
