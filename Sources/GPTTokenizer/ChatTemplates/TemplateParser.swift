/// Reads the statements of a template; expressions are read in an extension.
struct TemplateParser {
  /// Statements and brackets may nest that deep; published templates stay below 12.
  static let nestingLimit = 48

  private let segments: [TemplateSegment]
  private var next = 0
  let location: String
  var words: [TemplateWord] = []
  var position = 0
  var line = 1
  var nesting = 0

  static func parse(_ source: String, location: String) throws(TokenizerError) -> [TemplateNode] {
    let segments = try TemplateLexer(source, location: location).lex()
    var parser = TemplateParser(segments: segments, location: location)
    let (nodes, ending) = try parser.nodes(until: [])
    if let ending { throw parser.failure("'\(ending)' without a beginning") }
    return nodes
  }

  private init(segments: [TemplateSegment], location: String) {
    self.segments = segments
    self.location = location
  }

  func failure(_ reason: String) -> TokenizerError {
    .template(location: location, line: line, reason: reason)
  }

  func unsupported(_ construct: String) -> TokenizerError {
    .unsupported(
      location: "\(location): line \(line)", feature: construct,
      expected: "the Jinja of published chat templates")
  }

  mutating func nest<Result>(
    _ body: (inout TemplateParser) throws(TokenizerError) -> Result
  ) throws(TokenizerError) -> Result {
    guard nesting < Self.nestingLimit else {
      throw failure("nesting deeper than \(Self.nestingLimit) levels")
    }
    nesting += 1
    defer { nesting -= 1 }
    return try body(&self)
  }

  /// Statements up to one of `endings`, whose words are then current, or to the template's end.
  private mutating func nodes(
    until endings: [String]
  ) throws(TokenizerError) -> (nodes: [TemplateNode], ending: String?) {
    var nodes: [TemplateNode] = []
    while next < segments.count {
      let segment = segments[next]
      next += 1
      switch segment {
      case .text(let text): nodes.append(TemplateNode(kind: .text(text), line: line))
      case .output(let words, let line):
        begin(words, line)
        let value = try expression()
        try expectEnd()
        nodes.append(TemplateNode(kind: .output(value), line: line))
      case .statement(let words, let line):
        begin(words, line)
        guard case .name(let keyword) = words.first else { throw failure("a tag without a name") }
        position = 1
        if endings.contains(keyword) { return (nodes, keyword) }
        if let kind = try nest({ parser throws(TokenizerError) in
          try parser.statement(keyword, into: &nodes)
        }) {
          nodes.append(TemplateNode(kind: kind, line: line))
        }
      }
    }
    if let ending = endings.last { throw failure("the end of the template, expected '\(ending)'") }
    return (nodes, nil)
  }

  private mutating func begin(_ words: [TemplateWord], _ line: Int) {
    self.words = words
    self.line = line
    position = 0
  }

  private mutating func body(until ending: String) throws(TokenizerError) -> [TemplateNode] {
    try expectEnd()
    let result = try nodes(until: [ending]).nodes
    return result
  }

  private mutating func statement(
    _ keyword: String, into nodes: inout [TemplateNode]
  ) throws(TokenizerError) -> TemplateNode.Kind? {
    switch keyword {
    case "if": return try conditional()
    case "for": return try loop()
    case "set": return try assignment()
    case "macro": return .macro(try macro())
    case "break":
      try expectEnd()
      return .stop
    case "continue":
      try expectEnd()
      return .skip
    case "generation":
      // Marks the assistant's words for training; writes nothing of its own.
      nodes += try body(until: "endgeneration")
      return nil
    case "else", "elif", "endif", "endfor", "endmacro", "endset", "endgeneration":
      throw failure("'\(keyword)' without a beginning")
    default: throw unsupported("the statement \(quotedForMessage(keyword))")
    }
  }

  private mutating func conditional() throws(TokenizerError) -> TemplateNode.Kind {
    var branches: [(condition: TemplateExpression, body: [TemplateNode])] = []
    var condition = try expression()
    while true {
      try expectEnd()
      let (nodes, ending) = try nodes(until: ["elif", "else", "endif"])
      branches.append((condition, nodes))
      switch ending {
      case "elif": condition = try expression()
      case "else": return .conditional(branches, try body(until: "endif"))
      default: return .conditional(branches, [])
      }
    }
  }

  private mutating func loop() throws(TokenizerError) -> TemplateNode.Kind {
    var names = [try name()]
    while take(",") { names.append(try name()) }
    guard takeName("in") else { throw failure("\(found), expected 'in'") }
    let values = try alternatives()
    let filter = takeName("if") ? try expression() : nil
    if takeName("recursive") { throw unsupported("a recursive 'for'") }
    try expectEnd()
    let (nodes, ending) = try nodes(until: ["else", "endfor"])
    let otherwise = ending == "else" ? try body(until: "endfor") : []
    return .loop(
      names.count == 1 ? .name(names[0]) : .tuple(names), over: values, filter: filter, nodes,
      otherwise: otherwise)
  }

  private mutating func assignment() throws(TokenizerError) -> TemplateNode.Kind {
    let first = try name()
    var target = TemplateTarget.name(first)
    if take(".") {
      target = .attribute(first, try name())
    } else if take(",") {
      var names = [first, try name()]
      while take(",") { names.append(try name()) }
      target = .tuple(names)
    }
    guard take("=") else {
      if take("|") { throw unsupported("a filter on a 'set' block") }
      return .setBlock(target, try body(until: "endset"))
    }
    var value = try expression()
    if take(",") {
      var values = [value, try expression()]
      while take(",") { values.append(try expression()) }
      value = .list(values)
    }
    try expectEnd()
    return .set(target, value)
  }

  private mutating func macro() throws(TokenizerError) -> TemplateMacro {
    let macroName = try name()
    var parameters: [(name: String, value: TemplateExpression?)] = []
    try expect("(")
    while !take(")") {
      let parameter = try name()
      parameters.append((parameter, take("=") ? try expression() : nil))
      if !take(",") {
        try expect(")")
        break
      }
    }
    return TemplateMacro(
      name: macroName, parameters: parameters, body: try body(until: "endmacro"))
  }
}
