internal import GPTTokenizer

/// Writes a conversation as the model expects it.
public struct ChatRenderer: Sendable {
  private let model: LanguageModel
  private let template: ChatTemplate
  private let guardedText: ControlTextGuard

  /// - Parameter format: a known format by name; nil takes the model's own template
  public init(model: LanguageModel, format: String? = nil) throws(LanguageModelError) {
    self.model = model
    guardedText = ControlTextGuard(model.tokenizer)
    if let format {
      let found: ChatTemplate?
      do { found = try ChatTemplate.named(format) } catch { throw .tokenizer(error.description) }
      guard let known = found else {
        throw .invalidOption(
          name: "chatFormat", found: format.debugDescription,
          expected: "one of \(KnownChatFormat.names.joined(separator: ", "))")
      }
      template = known
      return
    }
    guard let source = model.chatTemplateSource else {
      throw .noChatTemplate(model: model.information.path)
    }
    do {
      template = try ChatTemplate(source: source, location: model.information.path)
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
    let text = try render(conversation)
    // The template itself writes what stands at the beginning.
    do { return try guardedText.encode(text, with: model.tokenizer) } catch {
      throw .tokenizer(error.description)
    }
  }

  private func render(_ conversation: Transcript) throws(LanguageModelError) -> String {
    let tokenizer = model.tokenizer
    let messages = conversation.entries.map {
      ChatMessage(role: $0.role.rawValue, content: guardedText.shielded($0.content))
    }
    do {
      return try template.render(
        messages: messages, addGenerationPrompt: true,
        bosToken: tokenizer.beginningOfSequence.flatMap { tokenizer.piece(of: $0) },
        eosToken: tokenizer.endOfSequence.flatMap { tokenizer.piece(of: $0) })
    } catch {
      throw .tokenizer(error.description)
    }
  }
}
