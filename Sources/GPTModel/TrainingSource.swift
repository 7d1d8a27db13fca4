package import GPTTokenizer
import GPTWeights

/// A model's files, opened and checked, whose weights have not been read: to be run they are packed
/// (`OpenedModel`), to be trained they become parameters (`TrainingModel.init(loading:…)`).
package struct TrainingSource: Sendable {
  package let configuration: ModelConfiguration
  package let tokenizer: any Tokenizer
  /// The source of the model's own chat template.
  package let chatTemplate: String?
  /// Tokens that end a generation.
  package let stopTokens: [Int32]
  package let summary: ModelSummary
  let checkpoint: Checkpoint

  /// Opens a Hugging Face folder or a GGUF file.
  ///
  /// - Parameter contextLength: tokens of context; nil: as many as the model was made for
  package static func open(path: String, contextLength: Int? = nil)
    throws(ModelError) -> TrainingSource
  {
    let source: TrainingSource
    if isDirectory(path) {
      source = try OpenedModel.findFolder(path, contextLength: contextLength)
    } else if path.hasSuffix(".safetensors") {
      throw .notAModel(
        path: path, found: "is a file of weights alone",
        expected: "the folder that also holds config.json and a tokenizer, or a .gguf file")
    } else {
      source = try OpenedModel.findGGUF(path, contextLength: contextLength)
    }
    try source.checkpoint.checkRows(for: source.tokenizer)
    return source
  }

  init(
    checkpoint: Checkpoint, tokenizer: any Tokenizer, chatTemplate: String?, stopTokens: [Int32],
    name: String?
  ) {
    self.checkpoint = checkpoint
    configuration = checkpoint.configuration
    self.tokenizer = tokenizer
    self.chatTemplate = chatTemplate
    let vocabularySize = checkpoint.configuration.vocabularySize
    self.stopTokens = Set(stopTokens + [tokenizer.endOfSequence].compactMap { $0 })
      .filter { $0 >= 0 && Int($0) < vocabularySize }.sorted()
    summary = ModelSummary(checkpoint: checkpoint, tokenizer: tokenizer, name: name)
  }
}
