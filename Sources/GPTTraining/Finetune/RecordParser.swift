internal import GPTJSON
internal import GPTTensor
internal import GPTTokenizer

/// Finds out by its keys what a record is, and checks it.
///
/// A record is of the one kind whose keys it has all of; kinds may change from line to line, and
/// further keys are left alone. Preferences are a kind of run: they never stand among others.
struct RecordParser {
  private enum Kind: CaseIterable {
    case messages, completion, instruction, text

    var keys: [String] {
      switch self {
      case .messages: ["messages"]
      case .completion: ["prompt", "completion"]
      case .instruction: ["instruction", "output"]
      case .text: ["text"]
      }
    }
  }

  private static let preferenceKeys = ["prompt", "chosen", "rejected"]
  /// A conversation is rendered twice for each of its answers, so time grows with the square.
  static let messageLimit = 512

  let kind: FinetuneDataOptions.Kind

  func record(_ value: JSONValue, location: String) throws(TrainingError) -> FinetuneRecord {
    guard let object = value.object else {
      throw .invalid(location: location, found: value.kind, expected: expectedKeys)
    }
    let fields = RecordFields(object: object, location: location)
    switch kind {
    case .preferences: return try preference(fields)
    case .supervised: return try supervised(fields)
    }
  }

  private var expectedKeys: String {
    switch kind {
    case .preferences: "an object with 'prompt', 'chosen' and 'rejected'"
    case .supervised:
      "an object with 'messages', 'prompt' and 'completion', 'instruction' and 'output', or 'text'"
    }
  }

  private func preference(_ fields: RecordFields) throws(TrainingError) -> FinetuneRecord {
    for key in Self.preferenceKeys where !fields.has(key) {
      throw fields.failure("no '\(key)'", expectedKeys)
    }
    let chosen = try fields.answer("chosen")
    let rejected = try fields.answer("rejected")
    guard chosen != rejected else {
      throw fields.failure("'chosen' and 'rejected' that are equal", "two different answers")
    }
    return .preference(
      prompt: try fields.prompt("prompt"), chosen: chosen, rejected: rejected)
  }

  private func supervised(_ fields: RecordFields) throws(TrainingError) -> FinetuneRecord {
    let kinds = Kind.allCases.filter { $0.keys.allSatisfy(fields.has) }
    guard kinds.count < 2 else {
      let names = kinds.map { "'\($0.keys[0])'" }.joined(separator: " and ")
      throw fields.failure("a record of two kinds (\(names))", "keys of one kind")
    }
    switch kinds.first {
    case .messages:
      let messages = try fields.messages("messages")
      guard messages.contains(where: { $0.role == MessageRole.assistant.rawValue }) else {
        throw fields.failure("no message of the assistant in 'messages'", "at least one")
      }
      return .conversation(messages)
    case .completion:
      return .completion(
        prompt: try fields.prompt("prompt"), completion: try fields.answer("completion"))
    case .instruction: return try instruction(fields)
    case .text: return .text(try fields.text("text"))
    case nil: throw missingKey(fields)
    }
  }

  private func instruction(_ fields: RecordFields) throws(TrainingError) -> FinetuneRecord {
    let input = fields.has("input") ? try fields.string("input") : ""
    let instruction = try fields.text("instruction")
    return .instruction(
      input.isEmpty ? instruction : "\(instruction)\n\n\(input)",
      output: try fields.text("output"))
  }

  private func missingKey(_ fields: RecordFields) -> TrainingError {
    if Self.preferenceKeys.dropFirst().allSatisfy(fields.has) {
      return fields.failure("a preference ('chosen', 'rejected')", expectedKeys)
    }
    for kind in Kind.allCases {
      guard let present = kind.keys.first(where: fields.has),
        let missing = kind.keys.first(where: { !fields.has($0) })
      else { continue }
      return fields.failure("'\(present)' without '\(missing)'", expectedKeys)
    }
    let names = fields.object.keys.prefix(5).map { "'\($0.printable(limit: 20))'" }
    let found = names.isEmpty ? "an empty object" : "the keys \(names.joined(separator: ", "))"
    return fields.failure(found, expectedKeys)
  }
}
