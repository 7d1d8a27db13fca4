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
    let found = try FoundModel.find(path: path, contextLength: contextLength)
    return try found.source(with: try found.makeTokenizer())
  }

  init(_ found: FoundModel, tokenizer: any Tokenizer) {
    checkpoint = found.checkpoint
    configuration = checkpoint.configuration
    self.tokenizer = tokenizer
    chatTemplate = found.chatTemplate
    let vocabularySize = configuration.vocabularySize
    stopTokens = Set(found.stopTokens + [tokenizer.endOfSequence].compactMap { $0 })
      .filter { $0 >= 0 && Int($0) < vocabularySize }.sorted()
    summary = ModelSummary(checkpoint: checkpoint, tokenizer: tokenizer, name: found.name)
  }
}
