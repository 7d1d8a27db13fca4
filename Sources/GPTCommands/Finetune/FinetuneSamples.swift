internal import GPT
internal import GPTModel
internal import GPTTokenizer
internal import GPTTraining

/// What the samples of a run are of: a prompt that was asked for, or the validation set's first.
enum FinetuneSamples {
  /// Enough for answers to be recognised; a page would take the time of several steps.
  private static let tokenCount = 48
  private static let promptCount = 3
  /// Of a prompt that is shown.
  private static let titleLength = 60

  /// nil when there is nothing to answer.
  static func writer(
    _ base: FinetuneBase, _ data: FinetuneData, prompt: String?
  ) throws(TrainingError) -> SampleWriter? {
    let tokenizer = base.source.tokenizer
    let limit = base.source.configuration.contextLength - 1
    let tokens: [[Int32]]
    if let prompt {
      tokens = [try encode(prompt, base)]
      guard tokens[0].count <= limit else {
        throw .invalid(
          location: "--sample-prompt", found: "\(tokens[0].count) tokens",
          expected: "at most \(limit), one less than the model's context")
      }
    } else {
      tokens = (data.validation ?? data.training).prompts(atMost: promptCount)
    }
    var options = GenerationOptions()
    options.temperature = 0
    options.maximumTokens = tokenCount
    let prompts = tokens.filter { !$0.isEmpty && $0.count <= limit }.map {
      SampleWriter.Prompt(tokens: $0, title: title($0, tokenizer))
    }
    guard !prompts.isEmpty else { return nil }
    return SampleWriter(
      base.source.configuration, tokenizer: tokenizer, prompts: prompts,
      stopTokens: base.source.stopTokens, options: options)
  }

  /// As the examples are written: the user's message where the model knows conversations.
  private static func encode(
    _ prompt: String, _ base: FinetuneBase
  ) throws(TrainingError) -> [Int32] {
    let tokenizer = base.source.tokenizer
    let template = try base.chatTemplate()
    do throws(TokenizerError) {
      guard let template else {
        return try tokenizer.encode(prompt, addSpecialTokens: true, parseSpecialTokens: false)
      }
      let encoder = ChatEncoder(template: template, tokenizer: tokenizer)
      return try encoder.encode(
        try encoder.render(
          [ChatMessage(role: "user", content: prompt)], addGenerationPrompt: true))
    } catch { throw .tokenizer(error) }
  }

  /// The end of a prompt on one line.
  private static func title(_ prompt: [Int32], _ tokenizer: any Tokenizer) -> String {
    let text = tokenizer.decode(prompt, includeSpecialTokens: false)
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let end = text.count > titleLength ? "…" + text.suffix(titleLength) : text
    return end + " → "
  }
}
