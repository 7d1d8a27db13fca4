internal import GPTTokenizer

/// One record of a file, checked.
enum FinetuneRecord: Equatable {
  /// One side of a record: a text, or messages where the model's template matters.
  enum Turns: Equatable {
    case text(String)
    case messages([ChatMessage])

    /// As messages; a text is said by `role`.
    func messages(by role: MessageRole) -> [ChatMessage] {
      switch self {
      case .text(let text): [ChatMessage(role: role.rawValue, content: text)]
      case .messages(let messages): messages
      }
    }
  }

  case text(String)
  case completion(prompt: Turns, completion: Turns)
  case instruction(String, output: String)
  case conversation([ChatMessage])
  case preference(prompt: Turns, chosen: Turns, rejected: Turns)

  /// Whether only a chat template says how it is written.
  var needsTemplate: Bool {
    func isText(_ turns: Turns) -> Bool { if case .text = turns { true } else { false } }
    return switch self {
    case .text, .instruction: false
    case .conversation: true
    case .completion(let prompt, let completion): !isText(prompt) || !isText(completion)
    case .preference(let prompt, let chosen, let rejected):
      ![prompt, chosen, rejected].allSatisfy(isText)
    }
  }
}

/// Who says a message.
enum MessageRole: String, CaseIterable {
  case system, user, assistant
}
