internal import GPTModel
internal import GPTTokenizer
internal import GPTTraining

/// A stored model that is fine-tuned or learned from; its weights are not read yet.
struct FinetuneBase {
  let path: String
  let source: TrainingSource

  /// In place of the model's own template.
  private let format: String?

  init(path: String, format: String? = nil) throws(TrainingError) {
    self.path = path
    self.format = format
    do { source = try TrainingSource.open(path: path) } catch { throw .model(error) }
  }

  /// nil when the model has none.
  func chatTemplate() throws(TrainingError) -> ChatTemplate? {
    do throws(TokenizerError) {
      if let format { return try ChatTemplate.named(format) }
      return try source.chatTemplate.map { text throws(TokenizerError) in
        try ChatTemplate(source: text, location: path)
      }
    } catch { throw .tokenizer(error) }
  }

  /// Tokens of a row of examples.
  func rowLength(_ wanted: Int?) throws(TrainingError) -> Int {
    let limit = source.configuration.contextLength
    guard let wanted else { return min(FinetuneRecipe.contextLength, limit) }
    guard wanted <= limit else {
      throw .invalid(
        location: "--context-length", found: "\(wanted)",
        expected: "at most \(limit), what the model was made for")
    }
    return wanted
  }

  /// A teacher sees the rows that its student sees.
  func checkContext(_ rowLength: Int) throws(TrainingError) {
    let limit = source.configuration.contextLength
    guard rowLength > limit else { return }
    throw .invalid(
      location: path, found: "takes \(limit) tokens at most",
      expected: "at least the \(rowLength) of a row (--context-length)")
  }
}
