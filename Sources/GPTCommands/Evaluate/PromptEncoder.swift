internal import GPT

/// Turns the prompts of items into tokens, through the model's chat template where it has one.
struct PromptEncoder {
  private let model: LanguageModel
  private let renderer: ChatRenderer?

  /// - Parameter usesTemplate: false takes texts as they are and turns conversations away
  init(_ model: LanguageModel, usesTemplate: Bool) throws(LanguageModelError) {
    self.model = model
    renderer =
      usesTemplate && model.information.hasChatTemplate ? try ChatRenderer(model: model) : nil
  }

  var hasTemplate: Bool { renderer != nil }

  /// The tokens of a prompt up to where the model's answer begins.
  ///
  /// - Parameter location: where the item stands
  func tokens(of prompt: ItemPrompt, location: String) throws -> [Int32] {
    do {
      guard let renderer else {
        guard case .text(let text) = prompt else {
          throw CommandError.invalid(
            location: location, found: "messages for a model without a chat template",
            expected: "a text")
        }
        return try model.encode(text)
      }
      let entries =
        switch prompt {
        case .text(let text): [Transcript.Entry(role: .user, content: text)]
        case .messages(let entries): entries
        }
      return try renderer.tokens(of: Transcript(entries: entries))
    } catch let error as LanguageModelError {
      throw CommandError.invalid(
        location: location, found: error.description, expected: "a prompt that can be encoded")
    }
  }
}
