internal import GPTModel
internal import GPTTokenizer
internal import GPTTraining

/// A stored model that is fine-tuned or learned from; its weights are not read yet.
struct FinetuneBase {
  let path: String
  let source: TrainingSource

  init(path: String) throws(TrainingError) {
    self.path = path
    do { source = try TrainingSource.open(path: path) } catch { throw .model(error) }
  }

  /// nil when the model has none.
  func chatTemplate() throws(TrainingError) -> ChatTemplate? {
    guard let text = source.chatTemplate else { return nil }
    do { return try ChatTemplate(source: text, location: path) } catch { throw .tokenizer(error) }
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
}
