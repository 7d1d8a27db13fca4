import GPTTensor
import GPTTokenizer
import GPTWeights

/// A model's files, opened and checked; neither their weights nor their tokenizer has been read.
struct FoundModel: Sendable {
  let checkpoint: Checkpoint
  let chatTemplate: String?
  let stopTokens: [Int32]
  let name: String?
  /// Takes as long as packing the weights of a small model.
  let makeTokenizer: @Sendable () throws(ModelError) -> any Tokenizer

  /// Finds a Hugging Face folder or a GGUF file.
  ///
  /// - Parameter contextLength: tokens of context; nil: as many as the model was made for
  static func find(path: String, contextLength: Int?) throws(ModelError) -> FoundModel {
    if isDirectory(path) { return try findFolder(path, contextLength: contextLength) }
    guard !path.hasSuffix(".safetensors") else {
      throw .notAModel(
        path: path, found: "is a file of weights alone",
        expected: "the folder that also holds config.json and a tokenizer, or a .gguf file")
    }
    return try findGGUF(path, contextLength: contextLength)
  }

  /// The model with its tokenizer.
  func source(with tokenizer: any Tokenizer) throws(ModelError) -> TrainingSource {
    try checkpoint.checkRows(for: tokenizer)
    return TrainingSource(self, tokenizer: tokenizer)
  }

  /// The configuration with the context that was asked for.
  static func limit(_ configuration: ModelConfiguration, to contextLength: Int?)
    throws(ModelError) -> ModelConfiguration
  {
    guard let contextLength else { return configuration }
    guard contextLength >= 1 && contextLength <= configuration.contextLength else {
      throw .configuration(
        location: "--context-length", key: "the context length", found: "\(contextLength)",
        expected: "1…\(configuration.contextLength), what the model was made for")
    }
    var result = configuration
    result.contextLength = contextLength
    return result
  }
}

extension Checkpoint {
  /// Demands an embedding for each token.
  func checkRows(for tokenizer: any Tokenizer) throws(ModelError) {
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw .configuration(
        location: source.location, key: "the number of token embeddings",
        found: "\(configuration.vocabularySize)",
        expected: "at least the tokenizer's \(tokenizer.vocabularySize) tokens")
    }
  }
}
