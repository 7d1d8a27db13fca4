internal import GPT
internal import GPTJSON
internal import GPTTensor

/// A line of `--classify`: a prompt and its label, in one of several spellings.
struct ClassifyRecord: Sendable {
  let location: String
  let prompt: ItemPrompt
  let label: String
  /// Labels that are numbers may be places among labels given by name.
  private let number: Int?
  let isCompletion: Bool

  /// - Parameter template: `--prompt`, with `{text}` for the text of the line
  init(_ fields: ItemFields, template: String?) throws(CommandError) {
    location = fields.location
    let prompt: ItemPrompt
    switch fields.object["label"] {
    case .string(let text)?: (label, number) = (text, nil)
    case .integer(let value)?: (label, number) = (String(value), value)
    case .boolean(let value)?: (label, number) = (value ? "true" : "false", nil)
    case let value?: throw fields.failure("\(value.kind) in 'label'", "a string or a number")
    case nil:
      isCompletion = true
      number = nil
      if fields.object["completion"] != nil {
        label = try fields.string(["completion"])
        prompt = try Self.prompt(fields)
      } else {
        (prompt, label) = try Self.conversation(fields)
      }
      self.prompt = try Self.filled(prompt, template, fields)
      try check(fields)
      return
    }
    isCompletion = false
    prompt = try Self.prompt(fields)
    self.prompt = try Self.filled(prompt, template, fields)
    try check(fields)
  }

  private func check(_ fields: ItemFields) throws(CommandError) {
    guard !label.isEmpty else { throw fields.failure("an empty label", "text") }
  }

  private static func prompt(_ fields: ItemFields) throws(CommandError) -> ItemPrompt {
    if fields.object["messages"] != nil { return .messages(try fields.messages("messages")) }
    if fields.object["prompt"]?.array != nil { return .messages(try fields.messages("prompt")) }
    return .text(try fields.string(["text", "prompt"]))
  }

  /// Messages whose last one, the assistant's, is the label.
  private static func conversation(
    _ fields: ItemFields
  ) throws(CommandError) -> (ItemPrompt, String) {
    guard fields.object["messages"] != nil else {
      throw fields.failure("no 'label'", "'label', 'completion', or 'messages' with the answer")
    }
    var entries = try fields.messages("messages")
    guard let last = entries.popLast(), last.role == .assistant, !entries.isEmpty else {
      throw fields.failure(
        "'messages' that do not end with an answer", "the assistant's message as the label")
    }
    return (.messages(entries), last.content)
  }

  private static func filled(
    _ prompt: ItemPrompt, _ template: String?, _ fields: ItemFields
  ) throws(CommandError) -> ItemPrompt {
    guard let template else { return prompt }
    guard case .text(let text) = prompt else {
      throw fields.failure("messages together with --prompt", "a 'text'")
    }
    return .text(template.replacing("{text}", with: text))
  }

  /// The label's place among `labels`.
  func place(among labels: [String], areGiven: Bool) throws(CommandError) -> Int {
    if let place = labels.firstIndex(of: label) { return place }
    if areGiven, let number, labels.indices.contains(number) { return number }
    let names = labels.prefix(8).map { $0.printable(limit: 40) }.joined(separator: ", ")
    throw .invalid(
      location: location, found: "the label '\(label.printable(limit: 40))'",
      expected: "one of \(names)\(labels.count > 8 ? ", …" : "")")
  }
}
