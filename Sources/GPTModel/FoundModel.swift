import GPTTensor
import GPTTokenizer

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
}
