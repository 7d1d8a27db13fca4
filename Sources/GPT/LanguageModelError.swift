/// Why a model cannot be used, or cannot do what is asked of it.
///
/// `description` is always one line, of the form *where: found, expected* where there is a place
/// to name.
public enum LanguageModelError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No model stands under this name or path.
  case modelNotFound(name: String, expected: String)

  /// The model's files cannot be used; the text names file and field.
  case invalidModel(String)

  /// The tokenizer or the chat template cannot do what is asked; the text names the place.
  case tokenizer(String)

  /// A generation or loading option is outside its range.
  case invalidOption(name: String, found: String, expected: String)

  /// A prompt without any token, for a model that has no beginning-of-sequence token.
  case emptyPrompt

  /// The prompt does not fit into the model's context.
  case promptTooLong(tokenCount: Int, contextLength: Int)

  /// A text with too few tokens to measure anything on it.
  case textTooShort(tokenCount: Int, minimum: Int)

  /// A token id that the model's vocabulary does not have.
  case invalidToken(id: Int, vocabularySize: Int)

  /// The model computed scores that no token can be drawn from.
  case invalidLogits(found: String)

  /// The model has no chat template, and none was chosen by name.
  case noChatTemplate(model: String)

  /// A prompt cache cannot be read or written; the text names the file.
  case invalidPromptCache(String)

  /// A session was asked for a response while it is still writing another.
  case sessionBusy

  /// The task was cancelled.
  case cancelled

  public var description: String {
    switch self {
    case .modelNotFound(let name, let expected):
      "model \(name.debugDescription): not found, expected \(expected)"
    case .invalidModel(let text), .tokenizer(let text), .invalidPromptCache(let text): text
    case .invalidOption(let name, let found, let expected):
      "option \(name): \(found), expected \(expected)"
    case .emptyPrompt:
      "prompt: no tokens, expected at least one (the model has no beginning-of-sequence token)"
    case .promptTooLong(let tokenCount, let contextLength):
      "prompt: \(tokenCount) tokens, expected at most \(contextLength) (the model's context)"
    case .textTooShort(let tokenCount, let minimum):
      "text: \(tokenCount) tokens, expected at least \(minimum)"
    case .invalidToken(let id, let vocabularySize):
      "token id \(id): not in the vocabulary, expected 0..<\(vocabularySize)"
    case .invalidLogits(let found): "logits: \(found), expected finite numbers"
    case .noChatTemplate(let model):
      "\(model): no chat template, expected one in the model's files or one chosen by name"
    case .sessionBusy: "session: a response is still being written, expected one at a time"
    case .cancelled: "cancelled"
    }
  }
}
