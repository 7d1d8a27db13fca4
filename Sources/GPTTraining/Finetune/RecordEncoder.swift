internal import GPTTokenizer

/// Turns records into tokens.
///
/// With a chat template, prompts are the user's, completions and outputs the assistant's. Without
/// one, a completion follows its prompt directly, both exactly as they are written and encoded by
/// themselves, and instructions are written as the chat format `alpaca` writes them; what begins
/// and ends a sequence stands around both. A text is a text with or without a template.
struct RecordEncoder {
  /// What a record comes to.
  enum Example {
    /// To be divided into windows.
    case text(String)
    /// To be cut to fit.
    case sequence(EncodedSequence)
    case pair(chosen: EncodedSequence, rejected: EncodedSequence)
  }

  /// How instructions are written for a model without a chat template.
  private static let plainFormat = "alpaca"

  let text: TextEncoder
  private let conversations: ConversationEncoder
  private let hasTemplate: Bool
  private let lossOn: FinetuneDataOptions.LossTarget

  init(
    tokenizer: any Tokenizer, template: ChatTemplate?, lossOn: FinetuneDataOptions.LossTarget
  ) throws(TokenizerError) {
    text = try TextEncoder(tokenizer)
    hasTemplate = template != nil
    self.lossOn = lossOn
    if let template {
      conversations = ConversationEncoder(template, text)
    } else if let format = try ChatTemplate.named(Self.plainFormat) {
      conversations = ConversationEncoder(format, text, beginning: text.beginning)
    } else {
      throw .invalid(
        location: "chat format", found: "no '\(Self.plainFormat)'", expected: "a known format")
    }
  }

  /// - Throws: with `location` before it, why the record cannot be written as tokens
  func encode(_ record: FinetuneRecord, location: String) throws(TrainingError) -> Example {
    guard hasTemplate || !record.needsTemplate else {
      throw .invalid(
        location: location, found: "messages for a model without a chat template",
        expected: "a chat template, or texts for prompt and completion")
    }
    do { return try encoded(record) } catch {
      throw .invalid(
        location: location, found: error.description, expected: "an example that can be encoded")
    }
  }

  private func encoded(_ record: FinetuneRecord) throws(TokenizerError) -> Example {
    switch record {
    case .text(let text): return .text(text)
    case .conversation(let messages): return .sequence(try conversation([], messages))
    case .instruction(let instruction, let output):
      return .sequence(
        try conversation(
          FinetuneRecord.Turns.text(instruction).messages(by: .user),
          FinetuneRecord.Turns.text(output).messages(by: .assistant)))
    case .completion(let prompt, let completion):
      return .sequence(try answer(completion, to: prompt))
    case .preference(let prompt, let chosen, let rejected):
      return .pair(
        chosen: try answer(chosen, to: prompt), rejected: try answer(rejected, to: prompt))
    }
  }

  private func answer(
    _ answer: FinetuneRecord.Turns, to prompt: FinetuneRecord.Turns
  ) throws(TokenizerError) -> EncodedSequence {
    if !hasTemplate, case .text(let prompt) = prompt, case .text(let answer) = answer {
      return try joined(prompt, answer)
    }
    return try conversation(prompt.messages(by: .user), answer.messages(by: .assistant))
  }

  /// The assistant's messages of `turns` are learned, those of `context` are not.
  private func conversation(
    _ context: [ChatMessage], _ turns: [ChatMessage]
  ) throws(TokenizerError) -> EncodedSequence {
    let messages = context + turns
    let answers = messages.indices.filter {
      $0 >= context.count && messages[$0].role == MessageRole.assistant.rawValue
    }
    return finished(try conversations.encode(messages, answers: answers))
  }

  private func joined(
    _ prompt: String, _ completion: String
  ) throws(TokenizerError) -> EncodedSequence {
    var sequence = EncodedSequence()
    sequence.append(text.beginning, isTrained: false)
    sequence.append(try text.encode(prompt), isTrained: false)
    sequence.answerStart = sequence.tokens.count
    sequence.append(
      try text.encode(completion, continues: !prompt.isEmpty), isTrained: true)
    if let end = text.tokenizer.endOfSequence { sequence.append([end], isTrained: true) }
    return finished(sequence)
  }

  private func finished(_ sequence: EncodedSequence) -> EncodedSequence {
    var sequence = sequence
    switch lossOn {
    case .all: sequence.trainOnEverything()
    case .completion: sequence.dropUntrainedEnd()
    }
    return sequence
  }
}
