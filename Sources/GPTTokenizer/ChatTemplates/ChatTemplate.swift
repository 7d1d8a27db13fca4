public import GPTJSON

/// One message of a conversation.
public struct ChatMessage: Equatable, Sendable {
  public var role: String
  public var content: String
  /// Further members that a template may look at, such as `tool_calls`.
  public var extra: JSONObject

  public init(role: String, content: String, extra: JSONObject = JSONObject()) {
    self.role = role
    self.content = content
    self.extra = extra
  }
}

/// A model's own rule for writing a conversation as one text: a Jinja template as `transformers`
/// runs them, or a known format by name.
///
/// - Source: https://huggingface.co/docs/transformers/chat_templating
public struct ChatTemplate: Sendable {
  /// Published templates are under 30 kB.
  public static let sourceByteLimit = 1 << 20

  public let source: String
  public let location: String
  private let nodes: [TemplateNode]

  public init(source: String, location: String) throws(TokenizerError) {
    guard source.utf8.count <= Self.sourceByteLimit else {
      throw .invalid(
        location: location, found: "a template of \(source.utf8.count) bytes",
        expected: "at most \(Self.sourceByteLimit)")
    }
    self.source = source
    self.location = location
    nodes = try TemplateParser.parse(source, location: location)
  }

  /// A format that is known by name: `KnownChatFormat.names`; nil for other names.
  public static func named(_ name: String) throws(TokenizerError) -> ChatTemplate? {
    guard let source = KnownChatFormat.sources[name] else { return nil }
    return try ChatTemplate(source: source, location: "chat format '\(name)'")
  }

  /// The text that `messages` make.
  ///
  /// - Parameters:
  ///   - addGenerationPrompt: end with the opening of the assistant's answer.
  ///   - extra: further variables, such as `tools`.
  public func render(
    messages: [ChatMessage], addGenerationPrompt: Bool, bosToken: String? = nil,
    eosToken: String? = nil, extra: [String: JSONValue] = [:]
  ) throws(TokenizerError) -> String {
    var variables = extra.mapValues(TemplateValue.init)
    variables["messages"] = .list(messages.map(Self.value))
    variables["add_generation_prompt"] = .boolean(addGenerationPrompt)
    variables["bos_token"] = .string(bosToken ?? "")
    variables["eos_token"] = .string(eosToken ?? "")
    for name in ["tools", "documents"] where variables[name] == nil {
      variables[name] = TemplateValue.none
    }
    return try TemplateInterpreter(location: location, variables: variables).run(nodes)
  }

  private static func value(_ message: ChatMessage) -> TemplateValue {
    var members = TemplateDictionary()
    members["role"] = .string(message.role)
    members["content"] = .string(message.content)
    for (key, value) in message.extra.members { members[key] = TemplateValue(value) }
    return .dictionary(members)
  }
}

/// The chat template of a model folder: `chat_template.jinja`, else the field of
/// `tokenizer_config.json` (of several, the one named "default"); nil when there is none.
public func loadChatTemplate(folder: String) throws(TokenizerError) -> ChatTemplate? {
  let path = folder + "/chat_template.jinja"
  if RegularFile.exists(path) {
    guard let source = String(validating: try RegularFile.bytes(of: path), as: UTF8.self) else {
      throw .invalid(location: path, found: "bytes that are not UTF-8", expected: "UTF-8")
    }
    return try ChatTemplate(source: source, location: path)
  }
  guard let file = try JSONFile.ifPresent(folder + "/tokenizer_config.json"),
    let value = file.value["chat_template"], !value.isNull
  else { return nil }
  let location = "\(file.location): chat_template"
  if let source = value.string { return try ChatTemplate(source: source, location: location) }
  let named = value.array?.first { $0["name"]?.string == "default" } ?? value.array?.first
  guard let source = named?["template"]?.string else {
    throw file.failure("chat_template", value.kind, "a text or a list of named texts")
  }
  return try ChatTemplate(source: source, location: location)
}
