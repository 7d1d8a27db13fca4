/// Writes conversations as a model expects them and turns them into its tokens; what messages say
/// never becomes a control token.
package struct ChatEncoder: Sendable {
  package let tokenizer: any Tokenizer
  package let guardedText: ControlTextGuard
  private let template: ChatTemplate

  package init(template: ChatTemplate, tokenizer: any Tokenizer) {
    self.template = template
    self.tokenizer = tokenizer
    guardedText = ControlTextGuard(tokenizer)
  }

  /// The conversation as one text, with the guard's marks inside.
  ///
  /// Roles and contents are written; further members of messages are left out, since nothing keeps
  /// them from becoming control tokens.
  package func render(
    _ messages: [ChatMessage], addGenerationPrompt: Bool
  ) throws(TokenizerError) -> String {
    try template.render(
      messages: messages.map {
        ChatMessage(role: $0.role, content: guardedText.shielded($0.content))
      },
      addGenerationPrompt: addGenerationPrompt,
      bosToken: tokenizer.beginningOfSequence.flatMap { tokenizer.piece(of: $0) },
      eosToken: tokenizer.endOfSequence.flatMap { tokenizer.piece(of: $0) })
  }

  /// The ids of a rendered text; nothing is added, as the template itself writes what stands at the
  /// beginning.
  package func encode(_ rendered: String) throws(TokenizerError) -> [Int32] {
    try guardedText.encode(rendered, with: tokenizer)
  }
}
