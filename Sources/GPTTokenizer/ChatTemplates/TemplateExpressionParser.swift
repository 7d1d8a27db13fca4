/// Expressions, from the loosest binding to the tightest.
///
/// - Source: https://jinja.palletsprojects.com/en/stable/templates/#expressions
extension TemplateParser {
  /// The current word, for messages.
  var found: String {
    guard position < words.count else { return "the end of the tag" }
    switch words[position] {
    case .name(let text), .symbol(let text): return quotedForMessage(text)
    case .string: return "a string"
    case .integer, .float: return "a number"
    }
  }

  mutating func take(_ symbol: String) -> Bool { takeWord(.symbol(symbol)) }
  mutating func takeName(_ name: String) -> Bool { takeWord(.name(name)) }

  private mutating func takeWord(_ word: TemplateWord) -> Bool {
    guard position < words.count, words[position] == word else { return false }
    position += 1
    return true
  }

  mutating func expect(_ symbol: String) throws(TokenizerError) {
    guard take(symbol) else { throw failure("\(found), expected '\(symbol)'") }
  }

  func expectEnd() throws(TokenizerError) {
    guard position >= words.count else { throw failure("\(found), expected the end of the tag") }
  }

  mutating func name() throws(TokenizerError) -> String {
    guard position < words.count, case .name(let name) = words[position] else {
      throw failure("\(found), expected a name")
    }
    position += 1
    return name
  }

  mutating func expression() throws(TokenizerError) -> TemplateExpression {
    try nest { parser throws(TokenizerError) in
      var value = try parser.alternatives()
      while parser.takeName("if") {
        let condition = try parser.alternatives()
        let otherwise = parser.takeName("else") ? try parser.expression() : nil
        value = .conditional(value, condition: condition, otherwise: otherwise)
      }
      return value
    }
  }

  /// An expression without an `if` of its own, as `for … in` takes it.
  mutating func alternatives() throws(TokenizerError) -> TemplateExpression {
    var value = try conjunction()
    while takeName("or") { value = .or(value, try conjunction()) }
    return value
  }

  private mutating func conjunction() throws(TokenizerError) -> TemplateExpression {
    var value = try negation()
    while takeName("and") { value = .and(value, try negation()) }
    return value
  }

  private mutating func negation() throws(TokenizerError) -> TemplateExpression {
    guard takeName("not") else { return try comparison() }
    return try nest { parser throws(TokenizerError) in .not(try parser.negation()) }
  }

  private mutating func comparison() throws(TokenizerError) -> TemplateExpression {
    let value = try sum()
    var operands: [(symbol: String, operand: TemplateExpression)] = []
    while let comparison = comparisonOperator() { operands.append((comparison, try sum())) }
    return operands.isEmpty ? value : .comparison(value, operands)
  }

  private mutating func comparisonOperator() -> String? {
    for symbol in ["==", "!=", "<=", ">=", "<", ">"] where take(symbol) { return symbol }
    if takeName("in") { return "in" }
    if position + 1 < words.count, words[position] == .name("not"),
      words[position + 1] == .name("in")
    {
      position += 2
      return "not in"
    }
    return nil
  }

  private mutating func sum() throws(TokenizerError) -> TemplateExpression {
    var value = try concatenation()
    while true {
      if take("+") {
        value = .arithmetic(value, "+", try concatenation())
      } else if take("-") {
        value = .arithmetic(value, "-", try concatenation())
      } else {
        return value
      }
    }
  }

  private mutating func concatenation() throws(TokenizerError) -> TemplateExpression {
    var value = try product()
    while take("~") { value = .arithmetic(value, "~", try product()) }
    return value
  }

  private mutating func product() throws(TokenizerError) -> TemplateExpression {
    var value = try unary()
    outer: while true {
      for symbol in ["*", "//", "/", "%"] where take(symbol) {
        value = .arithmetic(value, symbol, try unary())
        continue outer
      }
      if take("**") { throw unsupported("the operator '**'") }
      return value
    }
  }

  private mutating func unary() throws(TokenizerError) -> TemplateExpression {
    if take("-") {
      return try nest { parser throws(TokenizerError) in .negative(try parser.unary()) }
    }
    if take("+") { return try nest { parser throws(TokenizerError) in try parser.unary() } }
    var value = try postfix(try primary())
    while true {
      if take("|") {
        value = .filter(value, try name(), try optionalArguments())
      } else if takeName("is") {
        value = try test(value)
      } else {
        return value
      }
      value = try postfix(value)
    }
  }

  private mutating func test(_ value: TemplateExpression) throws(TokenizerError)
    -> TemplateExpression
  {
    let isNegated = takeName("not")
    let testName = try name()
    var arguments = try optionalArguments()
    if arguments.positional.isEmpty, position < words.count {
      switch words[position] {
      case .string, .integer, .float: arguments.positional = [try primary()]
      case .name(let next) where !["and", "or", "if", "else", "is", "in", "not"].contains(next):
        arguments.positional = [try postfix(try primary())]
      default: break
      }
    }
    let result = TemplateExpression.test(value, testName, arguments)
    return isNegated ? .not(result) : result
  }

  private mutating func optionalArguments() throws(TokenizerError) -> TemplateArguments {
    take("(") ? try arguments() : TemplateArguments()
  }

  /// Arguments after their opening bracket.
  private mutating func arguments() throws(TokenizerError) -> TemplateArguments {
    var arguments = TemplateArguments()
    while !take(")") {
      if take("*") || take("**") { throw unsupported("'*' in arguments") }
      if position + 1 < words.count, case .name(let name) = words[position],
        words[position + 1] == .symbol("=")
      {
        position += 2
        arguments.named.append((name, try expression()))
      } else {
        arguments.positional.append(try expression())
      }
      if !take(",") {
        try expect(")")
        break
      }
    }
    return arguments
  }

  private mutating func postfix(
    _ start: TemplateExpression
  ) throws(TokenizerError) -> TemplateExpression {
    var value = start
    while true {
      if take(".") {
        if position < words.count, case .integer(let index) = words[position] {
          position += 1
          value = .item(value, .literal(.integer(index)))
        } else {
          value = .attribute(value, try name())
        }
      } else if take("[") {
        value = try subscripted(value)
      } else if take("(") {
        value = .call(value, try arguments())
      } else {
        return value
      }
    }
  }

  /// A subscript after its opening bracket.
  private mutating func subscripted(
    _ value: TemplateExpression
  ) throws(TokenizerError) -> TemplateExpression {
    var bounds: [TemplateExpression?] = [nil]
    while !take("]") {
      if take(":") {
        bounds.append(nil)
      } else {
        guard bounds[bounds.count - 1] == nil else { throw failure("\(found), expected ']'") }
        bounds[bounds.count - 1] = try expression()
      }
    }
    if bounds.count == 1, let index = bounds[0] { return .item(value, index) }
    guard bounds.count == 2 || bounds.count == 3 else { throw failure("an empty subscript") }
    return .slice(value, from: bounds[0], to: bounds[1], step: bounds.count == 3 ? bounds[2] : nil)
  }

  private mutating func primary() throws(TokenizerError) -> TemplateExpression {
    guard position < words.count else { throw failure("\(found), expected an expression") }
    let word = words[position]
    position += 1
    switch word {
    case .string(var text):
      while position < words.count, case .string(let more) = words[position] {
        text += more
        position += 1
      }
      return .literal(.string(text))
    case .integer(let value): return .literal(.integer(value))
    case .float(let value): return .literal(.float(value))
    case .name("true"), .name("True"): return .literal(.boolean(true))
    case .name("false"), .name("False"): return .literal(.boolean(false))
    case .name("none"), .name("None"): return .literal(.none)
    case .name(let name): return .variable(name)
    case .symbol("("): return try parenthesised()
    case .symbol("["): return .list(try elements(until: "]"))
    case .symbol("{"): return try dictionary()
    case .symbol:
      position -= 1
      throw failure("\(found), expected an expression")
    }
  }

  private mutating func parenthesised() throws(TokenizerError) -> TemplateExpression {
    if take(")") { return .list([]) }
    let value = try expression()
    if take(")") { return value }
    try expect(",")
    return .list([value] + (try elements(until: ")")))
  }

  private mutating func elements(
    until end: String
  ) throws(TokenizerError) -> [TemplateExpression] {
    var values: [TemplateExpression] = []
    while !take(end) {
      values.append(try expression())
      if !take(",") {
        try expect(end)
        break
      }
    }
    return values
  }

  private mutating func dictionary() throws(TokenizerError) -> TemplateExpression {
    var members: [(key: TemplateExpression, value: TemplateExpression)] = []
    while !take("}") {
      let key = try expression()
      try expect(":")
      members.append((key, try expression()))
      if !take(",") {
        try expect("}")
        break
      }
    }
    return .dictionary(members)
  }
}
