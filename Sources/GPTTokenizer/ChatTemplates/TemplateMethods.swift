#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Functions that a template finds without defining them.
enum TemplateFunctions {
  static let names: Set<String> = [
    "range", "namespace", "dict", "raise_exception", "strftime_now",
  ]
}

extension TemplateInterpreter {
  func function(_ name: String, _ arguments: Arguments) throws(TokenizerError) -> TemplateValue {
    switch name {
    case "namespace", "dict":
      var members = TemplateDictionary()
      if case .dictionary(let given) = arguments.positional.first { members = given }
      for name in arguments.named.keys.sorted() { members[name] = arguments.named[name] }
      return name == "dict" ? .dictionary(members) : makeNamespace(members)
    case "range": return try range(arguments)
    case "raise_exception":
      throw failure("the template says: \(try text(arguments.positional.first ?? .none))")
    case "strftime_now": return try string(try now(arguments))
    default: throw unsupported("the function \(quotedForMessage(name))")
    }
  }

  private func range(_ arguments: Arguments) throws(TokenizerError) -> TemplateValue {
    var bounds: [Int] = []
    for case .integer(let bound) in arguments.positional { bounds.append(bound) }
    guard bounds.count == arguments.positional.count, (1...3).contains(bounds.count) else {
      throw failure("'range', expected one to three whole numbers")
    }
    let (start, end) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
    let step = bounds.count == 3 ? bounds[2] : 1
    let limit = 100_000
    guard step != 0, [start, end, step].allSatisfy({ $0.magnitude <= UInt(Int32.max) }) else {
      throw failure("'range' with bounds \(bounds)")
    }
    let values = stride(from: start, to: end, by: step)
    guard (end - start) / step <= limit else { throw failure("a range longer than \(limit)") }
    return try list(values.map { .integer($0) })
  }

  private func now(_ arguments: Arguments) throws(TokenizerError) -> String {
    let format = try text(arguments.positional.first ?? .string(""))
    if case .string(let fixed) = variable("date_string"), format == "%d %b %Y" { return fixed }
    guard format.utf8.count <= 256, !format.isEmpty else {
      throw failure("'strftime_now', expected a format of at most 256 bytes")
    }
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = strftime(&buffer, buffer.count, format, &parts)
    return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The result of a method, nil when `object` has none of that name.
  func method(
    _ name: String, of object: TemplateValue, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue? {
    switch object {
    case .string(let text): return try stringMethod(name, text, arguments)
    case .dictionary(let members): return try dictionaryMethod(name, members, arguments)
    case .undefined: throw failure("'.\(name)()' of \(object.kind)")
    case .list, .integer, .float, .boolean, .none:
      throw unsupported("the method \(quotedForMessage(name)) of \(object.kind)")
    case .namespace, .macro, .function: return nil
    }
  }

  private func dictionaryMethod(
    _ name: String, _ members: TemplateDictionary, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue? {
    switch name {
    case "items": return try list(members.members.map { .list([.string($0.key), $0.value]) })
    case "keys": return try list(members.keys.map { .string($0) })
    case "values": return try list(members.members.map(\.value))
    case "get":
      let key = try text(arguments.positional.first ?? .none)
      return members[key] ?? arguments.value(1, "default") ?? TemplateValue.none
    default: return nil
    }
  }

  private func stringMethod(
    _ name: String, _ text: String, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    try charge(text.utf8.count / 64 + 1)
    let first: String? =
      if case .string(let text) = arguments.positional.first { text } else { nil }
    switch name {
    case "strip": return try string(ScalarText.strip(text, first, .both))
    case "lstrip": return try string(ScalarText.strip(text, first, .left))
    case "rstrip": return try string(ScalarText.strip(text, first, .right))
    case "lower": return try string(text.lowercased())
    case "upper": return try string(text.uppercased())
    case "title": return try string(ScalarText.title(text))
    case "capitalize": return try string(ScalarText.capitalized(text))
    case "split": return try split(text, first, arguments)
    case "splitlines":
      var lines = ScalarText.split(text, by: "\n")
      if lines.last == "" { lines.removeLast() }
      return try list(lines.map { .string($0) })
    case "startswith", "endswith": return .boolean(try hasEnd(name, text, arguments))
    case "replace":
      return try replaced(text, first, arguments.value(1, "new"), arguments.value(2, "count"))
    case "find":
      let range = ScalarText.firstRange(of: first ?? "", in: text)
      return .integer(
        range.map { text.unicodeScalars.distance(from: text.startIndex, to: $0.lowerBound) } ?? -1)
    case "join":
      return try joined(arguments.positional.first ?? .none, separator: text, attribute: nil)
    default: throw unsupported("the string method \(quotedForMessage(name))")
    }
  }

  private func split(
    _ text: String, _ separator: String?, _ arguments: Arguments
  ) throws(TokenizerError) -> TemplateValue {
    guard let separator else { return try list(ScalarText.words(text).map { .string($0) }) }
    guard !separator.isEmpty else { throw failure("'split' with an empty separator") }
    var limit = Int.max
    if case .integer(let count) = arguments.value(1, "maxsplit"), count >= 0 { limit = count }
    return try list(
      ScalarText.split(text, by: separator, limit: limit).map { .string($0) })
  }

  private func hasEnd(
    _ name: String, _ text: String, _ arguments: Arguments
  ) throws(TokenizerError) -> Bool {
    let candidates: [TemplateValue] =
      if case .list(let values) = arguments.positional.first { values } else {
        arguments.positional
      }
    for candidate in candidates {
      let part = Array(try self.text(candidate).utf8)
      let matches =
        name == "startswith"
        ? text.utf8.starts(with: part) : text.utf8.reversed().starts(with: part.reversed())
      if matches { return true }
    }
    return false
  }

  func replaced(
    _ text: String, _ old: String?, _ new: TemplateValue?, _ count: TemplateValue?
  ) throws(TokenizerError) -> TemplateValue {
    guard let old, !old.isEmpty, case .string(let new) = new else {
      throw failure("'replace', expected two texts, the first not empty")
    }
    var limit = Int.max
    if case .integer(let count) = count, count >= 0 { limit = count }
    let parts = ScalarText.split(text, by: old, limit: limit)
    let (added, overflow) = (parts.count - 1).multipliedReportingOverflow(by: new.utf8.count)
    guard !overflow, added <= Limits.outputBytes else { throw tooLong() }
    return try string(parts.joined(separator: new))
  }

  func joined(
    _ value: TemplateValue, separator: String, attribute name: String?
  ) throws(TokenizerError) -> TemplateValue {
    guard let elements = value.elements else { throw failure("'join' of \(value.kind)") }
    var parts: [String] = []
    var length = 0
    for element in elements {
      let part = try text(
        try name.map { name throws(TokenizerError) in
          try attribute(name, of: element)
        } ?? element)
      length += part.utf8.count + separator.utf8.count
      guard length <= Limits.outputBytes else { throw tooLong() }
      try charge(1)
      parts.append(part)
    }
    return try string(parts.joined(separator: separator))
  }
}
