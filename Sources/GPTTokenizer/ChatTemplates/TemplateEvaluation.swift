/// Values of expressions.
extension TemplateInterpreter {
  func evaluate(_ expression: TemplateExpression) throws(TokenizerError) -> TemplateValue {
    try charge(1)
    switch expression {
    case .literal(let value): return value
    case .variable(let name): return variable(name)
    case .list(let elements):
      var values: [TemplateValue] = []
      for element in elements { values.append(try evaluate(element)) }
      return .list(values)
    case .dictionary(let members): return try dictionary(members)
    case .attribute(let object, let name): return try attribute(name, of: try evaluate(object))
    case .item(let object, let key): return try item(try evaluate(key), of: try evaluate(object))
    case .slice(let object, let from, let to, let step):
      return try slice(
        try evaluate(object), try bound(from), try bound(to), try bound(step) ?? 1)
    case .call(let callee, let arguments): return try call(callee, arguments)
    case .filter(let value, let name, let arguments):
      return try filter(name, try evaluate(value), try evaluated(arguments))
    case .test(let value, let name, let arguments):
      return .boolean(try test(name, try evaluate(value), try evaluated(arguments).positional))
    case .negative(let operand): return try negative(try evaluate(operand))
    case .not(let operand): return .boolean(!(try evaluate(operand).isTrue))
    case .and(let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? try evaluate(right) : value
    case .or(let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? value : try evaluate(right)
    case .comparison(let first, let rest): return .boolean(try comparison(first, rest))
    case .arithmetic(let left, let symbol, let right):
      return try arithmetic(try evaluate(left), symbol, try evaluate(right))
    case .conditional(let value, let condition, let otherwise):
      if try evaluate(condition).isTrue { return try evaluate(value) }
      return try otherwise.map { expression throws(TokenizerError) in try evaluate(expression) }
        ?? .undefined("the value of an 'if' without 'else'")
    }
  }

  private func dictionary(
    _ members: [(key: TemplateExpression, value: TemplateExpression)]
  ) throws(TokenizerError) -> TemplateValue {
    var result = TemplateDictionary()
    for (key, value) in members { result[try text(try evaluate(key))] = try evaluate(value) }
    return .dictionary(result)
  }

  struct Arguments {
    var positional: [TemplateValue] = []
    var named: [String: TemplateValue] = [:]

    /// The argument at `index` or of that name.
    func value(_ index: Int, _ name: String) -> TemplateValue? {
      index < positional.count ? positional[index] : named[name]
    }
  }

  private func evaluated(_ arguments: TemplateArguments) throws(TokenizerError) -> Arguments {
    var result = Arguments()
    for argument in arguments.positional { result.positional.append(try evaluate(argument)) }
    for (name, argument) in arguments.named { result.named[name] = try evaluate(argument) }
    return result
  }

  private func bound(_ expression: TemplateExpression?) throws(TokenizerError) -> Int? {
    guard let expression else { return nil }
    switch try evaluate(expression) {
    case .integer(let value): return value
    case .none: return nil
    case let value: throw failure("\(value.kind) as the bound of a slice")
    }
  }

  private func call(
    _ callee: TemplateExpression, _ arguments: TemplateArguments
  ) throws(TokenizerError) -> TemplateValue {
    if case .attribute(let expression, let name) = callee {
      let object = try evaluate(expression)
      if let result = try method(name, of: object, try evaluated(arguments)) { return result }
      return try apply(try attribute(name, of: object), try evaluated(arguments), name: name)
    }
    let name = if case .variable(let name) = callee { name } else { "the value" }
    return try apply(try evaluate(callee), try evaluated(arguments), name: name)
  }

  private func apply(
    _ value: TemplateValue, _ arguments: Arguments, name: String
  ) throws(TokenizerError) -> TemplateValue {
    switch value {
    case .macro(let macro): return try call(macro, arguments.positional, arguments.named)
    case .function(let name): return try function(name, arguments)
    case .undefined: throw unsupported("the function \(quotedForMessage(name))")
    default: throw failure("\(value.kind) called, expected a function")
    }
  }

  func attribute(_ name: String, of object: TemplateValue) throws(TokenizerError) -> TemplateValue {
    switch object {
    case .dictionary(let members): return members[name] ?? .undefined(name)
    case .namespace(let number): return member(name, ofNamespace: number) ?? .undefined(name)
    case .undefined: throw failure("'.\(name)' of \(object.kind)")
    default: return .undefined(name)
    }
  }

  private func item(
    _ key: TemplateValue, of object: TemplateValue
  ) throws(TokenizerError) -> TemplateValue {
    switch (object, key) {
    case (.list(let values), .integer(let index)):
      let position = index < 0 ? index + values.count : index
      return values.indices.contains(position) ? values[position] : .undefined("[\(index)]")
    case (.string(let text), .integer(let index)):
      try charge(text.utf8.count / 64 + 1)
      let scalars = Array(text.unicodeScalars)
      let position = index < 0 ? index + scalars.count : index
      guard scalars.indices.contains(position) else { return .undefined("[\(index)]") }
      return .string(String(scalars[position]))
    case (_, .string(let name)): return try attribute(name, of: object)
    case (.undefined, _): throw failure("an item of \(object.kind)")
    default: return .undefined("an item of \(object.kind)")
    }
  }

  /// `value[from:to:step]` with Python's treatment of negative and missing bounds.
  private func slice(
    _ value: TemplateValue, _ from: Int?, _ to: Int?, _ step: Int
  ) throws(TokenizerError) -> TemplateValue {
    guard step != 0, step != Int.min, let elements = value.elements else {
      throw failure("a slice of \(value.kind) in steps of \(step)")
    }
    try charge(elements.count)
    func clamped(_ bound: Int?, _ missing: Int, _ low: Int, _ high: Int) -> Int {
      guard let bound else { return missing }
      let position = bound < 0 ? bound + elements.count : bound
      return min(max(position, low), high)
    }
    let count = elements.count
    let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
    let start = clamped(from, step > 0 ? low : high, low, high)
    let end = clamped(to, step > 0 ? high : low, low, high)
    let positions = stride(from: start, to: end, by: min(max(step, -count - 1), count + 1))
    let kept = positions.map { elements[$0] }
    guard case .string = value else { return try list(kept) }
    var text = ""
    for case .string(let part) in kept { text += part }
    return try string(text)
  }

  private func negative(_ value: TemplateValue) throws(TokenizerError) -> TemplateValue {
    switch value {
    case .integer(let value) where value != Int.min: return .integer(-value)
    case .float(let value): return .float(-value)
    default: throw failure("the negative of \(value.kind)")
    }
  }

  private func arithmetic(
    _ left: TemplateValue, _ symbol: String, _ right: TemplateValue
  ) throws(TokenizerError) -> TemplateValue {
    if symbol == "~" { return try string(try text(left) + (try text(right))) }
    switch (left, symbol, right) {
    case (.string(let left), "+", .string(let right)): return try string(left + right)
    case (.list(let left), "+", .list(let right)): return try list(left + right)
    case (.string(let text), "*", .integer(let count)),
      (.integer(let count), "*", .string(let text)):
      let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: max(count, 0))
      guard !overflow, bytes <= Limits.outputBytes else { throw tooLong() }
      return try string(String(repeating: text, count: max(count, 0)))
    case (.integer(let left), _, .integer(let right)) where symbol != "/":
      return .integer(try integers(left, symbol, right))
    default:
      guard let left = left.double, let right = right.double,
        let result = Self.floats(left, symbol, right)
      else { throw failure("\(left.kind) \(symbol) \(right.kind)") }
      return .float(result)
    }
  }

  private func integers(
    _ left: Int, _ symbol: String, _ right: Int
  ) throws(TokenizerError) -> Int {
    let result: (partialValue: Int, overflow: Bool)
    switch symbol {
    case "+": result = left.addingReportingOverflow(right)
    case "-": result = left.subtractingReportingOverflow(right)
    case "*": result = left.multipliedReportingOverflow(by: right)
    case "//", "%":
      let (quotient, failed) = left.dividedReportingOverflow(by: right)
      guard !failed else { throw failure("\(left) \(symbol) \(right)") }
      let rest = left - quotient * right
      let isBelow = rest != 0 && (rest < 0) != (right < 0)
      return symbol == "%" ? (isBelow ? rest + right : rest) : (isBelow ? quotient - 1 : quotient)
    default: throw failure("the operator '\(symbol)'")
    }
    guard !result.overflow else { throw failure("\(left) \(symbol) \(right), which is too large") }
    return result.partialValue
  }

  private static func floats(_ left: Double, _ symbol: String, _ right: Double) -> Double? {
    switch symbol {
    case "+": left + right
    case "-": left - right
    case "*": left * right
    case "/": right == 0 ? nil : left / right
    case "//": right == 0 ? nil : (left / right).rounded(.down)
    case "%": right == 0 ? nil : left - right * (left / right).rounded(.down)
    default: nil
    }
  }

  private func comparison(
    _ first: TemplateExpression, _ rest: [(symbol: String, operand: TemplateExpression)]
  ) throws(TokenizerError) -> Bool {
    var left = try evaluate(first)
    for (symbol, operand) in rest {
      let right = try evaluate(operand)
      guard try compare(left, symbol, right) else { return false }
      left = right
    }
    return true
  }

  private func compare(
    _ left: TemplateValue, _ symbol: String, _ right: TemplateValue
  ) throws(TokenizerError) -> Bool {
    switch symbol {
    case "==": return try equal(left, right)
    case "!=": return !(try equal(left, right))
    case "in": return try contains(right, left)
    case "not in": return !(try contains(right, left))
    default: break
    }
    let order: Int
    if case .string(let left) = left, case .string(let right) = right {
      let (left, right) = (left.unicodeScalars, right.unicodeScalars)
      order = left.elementsEqual(right) ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
    } else if let left = left.double, let right = right.double {
      order = left == right ? 0 : left < right ? -1 : 1
    } else {
      throw failure("\(left.kind) \(symbol) \(right.kind)")
    }
    switch symbol {
    case "<": return order < 0
    case "<=": return order <= 0
    case ">": return order > 0
    default: return order >= 0
    }
  }

  func equal(_ left: TemplateValue, _ right: TemplateValue) throws(TokenizerError) -> Bool {
    try charge(1)
    switch (left, right) {
    case (.none, .none), (.undefined, .undefined): return true
    case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
    case (.list(let left), .list(let right)):
      guard left.count == right.count else { return false }
      for (left, right) in zip(left, right) where !(try equal(left, right)) { return false }
      return true
    case (.dictionary(let left), .dictionary(let right)):
      guard left.keys.count == right.keys.count else { return false }
      for (key, value) in left.members {
        guard let other = right[key], try equal(value, other) else { return false }
      }
      return true
    case (.namespace(let left), .namespace(let right)): return left == right
    default:
      guard let left = left.double, let right = right.double else { return false }
      return left == right
    }
  }

  func contains(
    _ container: TemplateValue, _ value: TemplateValue
  ) throws(TokenizerError) -> Bool {
    switch (container, value) {
    case (.string(let text), .string(let part)):
      try charge(text.utf8.count / 64 + 1)
      return ScalarText.firstRange(of: part, in: text) != nil
    case (.dictionary(let members), .string(let key)): return members[key] != nil
    case (.dictionary, _), (.undefined, _): return false
    case (.list(let values), _):
      for element in values where try equal(element, value) { return true }
      return false
    default: throw failure("'in' \(container.kind)")
    }
  }
}
