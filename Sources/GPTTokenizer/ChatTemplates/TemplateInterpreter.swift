/// Runs a parsed template.
///
/// A template comes with a model, from anywhere; what it may cost is bounded by a number of steps
/// (each node and each 64 bytes of text made is one), the length of what it writes, and the depth
/// of macros that call macros.
final class TemplateInterpreter {
  enum Limits {
    /// A conversation of 1,000 messages takes about 100,000 steps.
    static let steps = 8_000_000
    static let outputBytes = 16 << 20
    static let macroDepth = 24
  }

  enum Flow { case normal, stop, skip }

  let location: String
  var line = 1
  private var steps = 0
  private var macroDepth = 0
  private var output = ""
  private var scopes: [[String: TemplateValue]]
  private var namespaces: [TemplateDictionary] = []

  init(location: String, variables: [String: TemplateValue]) {
    self.location = location
    scopes = [variables]
  }

  func run(_ nodes: [TemplateNode]) throws(TokenizerError) -> String {
    _ = try execute(nodes)
    return output
  }

  func failure(_ reason: String) -> TokenizerError {
    .template(location: location, line: line, reason: reason)
  }

  func unsupported(_ construct: String) -> TokenizerError {
    .unsupported(
      location: "\(location): line \(line)", feature: construct,
      expected: "the Jinja of published chat templates")
  }

  func charge(_ count: Int) throws(TokenizerError) {
    let (sum, overflow) = steps.addingReportingOverflow(count)
    steps = sum
    guard !overflow, steps <= Limits.steps else {
      throw failure("more than \(Limits.steps) steps, expected a template that ends")
    }
  }

  /// A string value whose making is paid for.
  func string(_ text: String) throws(TokenizerError) -> TemplateValue {
    try charge(text.utf8.count / 64 + 1)
    guard text.utf8.count <= Limits.outputBytes else { throw tooLong() }
    return .string(text)
  }

  func list(_ values: [TemplateValue]) throws(TokenizerError) -> TemplateValue {
    try charge(values.count + 1)
    return .list(values)
  }

  func tooLong() -> TokenizerError {
    failure("a text longer than \(Limits.outputBytes) bytes")
  }

  /// `str(value)` of Python.
  func text(_ value: TemplateValue) throws(TokenizerError) -> String {
    if case .string(let text) = value { return text }
    var writer = TemplateWriter(limit: Limits.outputBytes)
    writer.python(value)
    if writer.isFull { throw tooLong() }
    try charge(writer.text.utf8.count / 64 + 1)
    return writer.text
  }

  private func write(_ text: String) throws(TokenizerError) {
    try charge(text.utf8.count / 64 + 1)
    guard output.utf8.count + text.utf8.count <= Limits.outputBytes else { throw tooLong() }
    output += text
  }

  /// What `body` writes, as a text of its own.
  private func captured(_ body: () throws(TokenizerError) -> Void) throws(TokenizerError) -> String
  {
    let outer = output
    output = ""
    defer { output = outer }
    try body()
    return output
  }

  private func inScope<Result>(
    _ body: () throws(TokenizerError) -> Result
  ) throws(TokenizerError) -> Result {
    scopes.append([:])
    defer { scopes.removeLast() }
    return try body()
  }

  func variable(_ name: String) -> TemplateValue {
    for scope in scopes.reversed() { if let value = scope[name] { return value } }
    return TemplateFunctions.names.contains(name) ? .function(name) : .undefined(name)
  }

  private func execute(_ nodes: [TemplateNode]) throws(TokenizerError) -> Flow {
    for node in nodes {
      line = node.line
      try charge(1)
      let flow = try execute(node)
      if flow != .normal { return flow }
    }
    return .normal
  }

  private func execute(_ node: TemplateNode) throws(TokenizerError) -> Flow {
    switch node.kind {
    case .text(let text): try write(text)
    case .output(let expression): try write(try text(try evaluate(expression)))
    case .conditional(let branches, let otherwise):
      for branch in branches where try evaluate(branch.condition).isTrue {
        return try execute(branch.body)
      }
      return try execute(otherwise)
    case .loop(let target, let values, let filter, let body, let otherwise):
      try loop(target, values, filter, body, otherwise)
    case .set(let target, let expression): try assign(try evaluate(expression), to: target)
    case .setBlock(let target, let body):
      let text = try captured { () throws(TokenizerError) in _ = try execute(body) }
      try assign(.string(text), to: target)
    case .macro(let macro): scopes[scopes.count - 1][macro.name] = .macro(macro)
    case .stop: return .stop
    case .skip: return .skip
    }
    return .normal
  }

  private func assign(_ value: TemplateValue, to target: TemplateTarget) throws(TokenizerError) {
    switch target {
    case .name(let name): scopes[scopes.count - 1][name] = value
    case .attribute(let name, let member):
      guard case .namespace(let number) = variable(name) else {
        throw failure("'\(name).\(member)' set, expected '\(name)' to be a namespace")
      }
      namespaces[number][member] = value
    case .tuple(let names):
      guard let parts = value.elements, parts.count == names.count else {
        throw failure("\(value.kind), expected \(names.count) values")
      }
      for (name, part) in zip(names, parts) { scopes[scopes.count - 1][name] = part }
    }
  }

  private func loop(
    _ target: TemplateTarget, _ expression: TemplateExpression, _ filter: TemplateExpression?,
    _ body: [TemplateNode], _ otherwise: [TemplateNode]
  ) throws(TokenizerError) {
    let value = try evaluate(expression)
    guard var elements = value.elements else {
      throw failure("\(value.kind), expected something to iterate over")
    }
    try charge(elements.count)
    if let filter { elements = try kept(elements, target, filter) }
    guard !elements.isEmpty else {
      _ = try execute(otherwise)
      return
    }
    let start = line
    for (index, element) in elements.enumerated() {
      line = start
      try charge(1)
      let flow = try inScope { () throws(TokenizerError) in
        try assign(element, to: target)
        scopes[scopes.count - 1]["loop"] = Self.loopValue(elements, index)
        return try execute(body)
      }
      if flow == .stop { return }
    }
  }

  private func kept(
    _ elements: [TemplateValue], _ target: TemplateTarget, _ filter: TemplateExpression
  ) throws(TokenizerError) -> [TemplateValue] {
    var kept: [TemplateValue] = []
    for element in elements {
      let isKept = try inScope { () throws(TokenizerError) in
        try assign(element, to: target)
        return try evaluate(filter).isTrue
      }
      if isKept { kept.append(element) }
    }
    return kept
  }

  private static func loopValue(_ elements: [TemplateValue], _ index: Int) -> TemplateValue {
    var loop = TemplateDictionary()
    loop["index"] = .integer(index + 1)
    loop["index0"] = .integer(index)
    loop["revindex"] = .integer(elements.count - index)
    loop["revindex0"] = .integer(elements.count - index - 1)
    loop["first"] = .boolean(index == 0)
    loop["last"] = .boolean(index == elements.count - 1)
    loop["length"] = .integer(elements.count)
    loop["previtem"] = index > 0 ? elements[index - 1] : .undefined("loop.previtem")
    loop["nextitem"] =
      index + 1 < elements.count ? elements[index + 1] : .undefined("loop.nextitem")
    return .dictionary(loop)
  }

  func makeNamespace(_ members: TemplateDictionary) -> TemplateValue {
    namespaces.append(members)
    return .namespace(namespaces.count - 1)
  }

  func member(_ name: String, ofNamespace number: Int) -> TemplateValue? {
    namespaces[number][name]
  }

  func call(
    _ macro: TemplateMacro, _ positional: [TemplateValue], _ named: [String: TemplateValue]
  ) throws(TokenizerError) -> TemplateValue {
    guard macroDepth < Limits.macroDepth else {
      throw failure("macros calling one another \(Limits.macroDepth) deep")
    }
    guard positional.count <= macro.parameters.count else {
      throw failure("\(positional.count) arguments for '\(macro.name)'")
    }
    macroDepth += 1
    let (outer, callLine) = (scopes, line)
    scopes = [outer[0], [:]]
    defer {
      scopes = outer
      macroDepth -= 1
      line = callLine
    }
    for (index, parameter) in macro.parameters.enumerated() {
      let given = index < positional.count ? positional[index] : named[parameter.name]
      let value: TemplateValue
      if let given {
        value = given
      } else if let expression = parameter.value {
        value = try evaluate(expression)
      } else {
        value = .undefined(parameter.name)
      }
      scopes[1][parameter.name] = value
    }
    return .string(try captured { () throws(TokenizerError) in _ = try execute(macro.body) })
  }
}
