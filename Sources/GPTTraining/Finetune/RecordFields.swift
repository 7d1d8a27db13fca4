internal import GPTJSON
internal import GPTTensor
internal import GPTTokenizer

/// The members of one record, with the errors for what they are not.
struct RecordFields {
  let object: JSONObject
  let location: String

  func has(_ key: String) -> Bool { object[key] != nil }

  func failure(_ found: String, _ expected: String) -> TrainingError {
    .invalid(location: location, found: found, expected: expected)
  }

  func string(_ key: String) throws(TrainingError) -> String {
    guard let text = object[key]?.string else {
      throw failure("\(object[key]?.kind ?? "nothing") in '\(key)'", "a string")
    }
    return text
  }

  /// A string that says something.
  func text(_ key: String) throws(TrainingError) -> String {
    let text = try string(key)
    guard text.hasContent else { throw failure("an empty '\(key)'", "text") }
    return text
  }

  /// A string, which may be empty, or messages.
  func prompt(_ key: String) throws(TrainingError) -> FinetuneRecord.Turns {
    if let text = object[key]?.string { return .text(text) }
    guard object[key]?.array != nil else {
      throw failure("\(object[key]?.kind ?? "nothing") in '\(key)'", "a string or messages")
    }
    return .messages(try messages(key))
  }

  /// A string that says something, or messages that begin with one of the assistant.
  func answer(_ key: String) throws(TrainingError) -> FinetuneRecord.Turns {
    let turns = try prompt(key)
    switch turns {
    case .text(let text):
      guard text.hasContent else { throw failure("an empty '\(key)'", "text") }
    case .messages(let messages):
      guard let role = messages.first?.role, role == MessageRole.assistant.rawValue else {
        throw failure(
          "'\(key)' that begins with the role '\(messages.first?.role ?? "")'",
          "the assistant's answer")
      }
    }
    return turns
  }

  func messages(_ key: String) throws(TrainingError) -> [ChatMessage] {
    guard let values = object[key]?.array else {
      throw failure("\(object[key]?.kind ?? "nothing") in '\(key)'", "a list of messages")
    }
    guard (1...RecordParser.messageLimit).contains(values.count) else {
      throw failure(
        values.isEmpty ? "no messages in '\(key)'" : "\(values.count) messages in '\(key)'",
        "1 to \(RecordParser.messageLimit)")
    }
    var messages: [ChatMessage] = []
    for (index, value) in values.enumerated() {
      messages.append(try message(value, "'\(key)[\(index)]'"))
    }
    return messages
  }

  private func message(_ value: JSONValue, _ name: String) throws(TrainingError) -> ChatMessage {
    guard let members = value.object else {
      throw failure("\(value.kind) in \(name)", "an object with 'role' and 'content'")
    }
    for key in ["role", "content"] where members[key]?.string == nil {
      throw failure(
        members[key].map { "\($0.kind) in '\(key)' of \(name)" } ?? "no '\(key)' in \(name)",
        "a string")
    }
    let (role, content) = (members["role"]?.string ?? "", members["content"]?.string ?? "")
    guard let known = MessageRole(rawValue: role) else {
      let names = MessageRole.allCases.map(\.rawValue).joined(separator: ", ")
      throw failure("the role '\(role.printable(limit: 40))' in \(name)", "one of \(names)")
    }
    guard known != .assistant || content.hasContent else {
      throw failure("an empty answer in \(name)", "text")
    }
    return ChatMessage(role: role, content: content)
  }
}

extension String {
  /// True when there is something but white space.
  fileprivate var hasContent: Bool { contains { !$0.isWhitespace } }
}
