package func loadChatTemplate(folder: String) throws(TokenizerError) -> String? { nil }
public import GPTJSON
public struct ChatMessage: Sendable { public var role: String; public var content: String; public init(role: String, content: String) { self.role = role; self.content = content } }
public struct ChatTemplate: Sendable {
  public init(source: String, location: String) throws(TokenizerError) { throw .invalid(location: location, found: "x", expected: "y") }
  public static func named(_ name: String) -> ChatTemplate? { nil }
  public func render(messages: [ChatMessage], addGenerationPrompt: Bool, bosToken: String, eosToken: String, extra: [String: JSONValue]) throws(TokenizerError) -> String { "" }
}
