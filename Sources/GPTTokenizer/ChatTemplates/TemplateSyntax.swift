/// An expression of a template.
indirect enum TemplateExpression: Sendable {
  case literal(TemplateValue)
  case variable(String)
  case list([TemplateExpression])
  case dictionary([(key: TemplateExpression, value: TemplateExpression)])
  case attribute(TemplateExpression, String)
  case item(TemplateExpression, TemplateExpression)
  case slice(
    TemplateExpression, from: TemplateExpression?, to: TemplateExpression?,
    step: TemplateExpression?)
  case call(TemplateExpression, TemplateArguments)
  case filter(TemplateExpression, String, TemplateArguments)
  case test(TemplateExpression, String, TemplateArguments)
  case negative(TemplateExpression)
  case not(TemplateExpression)
  case and(TemplateExpression, TemplateExpression)
  case or(TemplateExpression, TemplateExpression)
  /// Comparisons chain: `a < b < c`.
  case comparison(TemplateExpression, [(symbol: String, operand: TemplateExpression)])
  case arithmetic(TemplateExpression, String, TemplateExpression)
  case conditional(
    TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
}

struct TemplateArguments: Sendable {
  var positional: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
}

/// What a `set` or `for` assigns to.
enum TemplateTarget: Sendable {
  case name(String)
  case attribute(String, String)
  case tuple([String])
}

/// A statement of a template with the line it stands on.
struct TemplateNode: Sendable {
  indirect enum Kind: Sendable {
    case text(String)
    case output(TemplateExpression)
    case conditional([(condition: TemplateExpression, body: [TemplateNode])], [TemplateNode])
    case loop(
      TemplateTarget, over: TemplateExpression, filter: TemplateExpression?, [TemplateNode],
      otherwise: [TemplateNode])
    case set(TemplateTarget, TemplateExpression)
    case setBlock(TemplateTarget, [TemplateNode])
    case macro(TemplateMacro)
    case stop
    case skip
  }

  let kind: Kind
  let line: Int
}

final class TemplateMacro: Sendable {
  let name: String
  let parameters: [(name: String, value: TemplateExpression?)]
  let body: [TemplateNode]

  init(
    name: String, parameters: [(name: String, value: TemplateExpression?)], body: [TemplateNode]
  ) {
    self.name = name
    self.parameters = parameters
    self.body = body
  }
}
