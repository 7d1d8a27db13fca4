internal import GPTTokenizer

/// Writes a conversation as the model expects it.
public struct ChatRenderer: Sendable {
  private let model: LanguageModel
  private let encoder: ChatEncoder

  /// - Parameter format: a known format by name; nil takes the model's own template
  public init(model: LanguageModel, format: String? = nil) throws(LanguageModelError) {
    self.model = model
    let template = try Self.template(of: model, format: format)
    encoder = ChatEncoder(template: template, tokenizer: model.tokenizer)
  }

  private static func template(
    of model: LanguageModel, format: String?
  ) throws(LanguageModelError) -> ChatTemplate {
    if let format {
      let found: ChatTemplate?
      do { found = try ChatTemplate.named(format) } catch { throw .tokenizer(error.description) }
      guard let known = found else {
        throw .invalidOption(
          name: "chatFormat", found: format.debugDescription,
          expected: "one of \(KnownChatFormat.names.joined(separator: ", "))")
      }
      return known
    }
    guard let source = model.chatTemplateSource else {
      throw .noChatTemplate(model: model.information.path)
    }
    do {
      return try ChatTemplate(source: source, location: model.information.path)
    } catch {
      throw .tokenizer(error.description)
    }
  }

  /// The same; with `options.contextShift` without the oldest turns when it is too long.
  func tokens(
    of conversation: Transcript, options: GenerationOptions
  ) throws(LanguageModelError) -> [Int32] {
    var conversation = conversation
    while true {
      let tokens = try tokens(of: conversation)
      guard options.contextShift, tokens.count > model.predictor.contextLength * 3 / 4,
        let shorter = conversation.droppingOldestTurn()
      else { return tokens }
      conversation = shorter
    }
  }

  /// The tokens of the whole of `conversation` up to where the model's answer begins.
  public func tokens(of conversation: Transcript) throws(LanguageModelError) -> [Int32] {
    let messages = conversation.entries.map {
      ChatMessage(role: $0.role.rawValue, content: $0.content)
    }
    do {
      return try encoder.encode(try encoder.render(messages, addGenerationPrompt: true))
    } catch {
      throw .tokenizer(error.description)
    }
  }
}
