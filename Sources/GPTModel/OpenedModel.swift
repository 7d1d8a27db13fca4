import GPTJSON
package import GPTOps
import GPTTensor
package import GPTTokenizer
import GPTWeights

/// Choices made when a model is opened.
package struct ModelOptions: Sendable {
  /// Threads that compute; nil: one for each CPU this process may use.
  package var threadCount: Int?
  package var precision = Precision.automatic
  package var cacheType: CacheType?
  /// Tokens of context; nil: as many as the model was made for.
  package var contextLength: Int?
  /// Instruction set of the kernels; nil: `GPT_KERNELS`, else the best there is.
  package var kernelLevel: KernelLevel?
  package init() {}
}

/// A model ready to run: weights, tokenizer and what its files say about their use.
package struct OpenedModel: Sendable {
  package let configuration: ModelConfiguration
  package let transformer: Transformer
  package let tokenizer: any Tokenizer
  /// The source of the model's own chat template.
  package let chatTemplate: String?
  /// Tokens that end a generation.
  package let stopTokens: [Int32]
  package let summary: ModelSummary

  /// Opens a Hugging Face folder or a GGUF file.
  package static func open(path: String, options: ModelOptions) throws(ModelError) -> OpenedModel {
    if isDirectory(path) { return try openFolder(path, options: options) }
    if path.hasSuffix(".safetensors") {
      throw .notAModel(
        path: path, found: "is a file of weights alone",
        expected: "the folder that also holds config.json and a tokenizer, or a .gguf file")
    }
    return try openGGUF(path, options: options)
  }

  static func context(_ options: ModelOptions) throws(ModelError) -> ComputeContext {
    let threads = options.threadCount ?? ComputeContext.availableThreadCount
    do {
      return try ComputeContext(
        threadCount: threads, precision: options.precision, level: options.kernelLevel)
    } catch { throw .compute(error) }
  }

  /// Loads weights and checks that the tokenizer belongs to them.
  static func assemble(
    _ checkpoint: Checkpoint, options: ModelOptions, tokenizer: any Tokenizer,
    chatTemplate: String?, stopTokens: [Int32], name: String?
  ) throws(ModelError) -> OpenedModel {
    let configuration = checkpoint.configuration
    try checkpoint.checkRows(for: tokenizer)
    let cacheType = options.cacheType ?? (options.precision == .fp32 ? .f32 : .f16)
    let context = try context(options)
    let transformer = try TransformerLoader(
      checkpoint: checkpoint, context: context, cacheType: cacheType
    ).load()
    let valid = Set(stopTokens + [tokenizer.endOfSequence].compactMap { $0 })
      .filter { $0 >= 0 && Int($0) < configuration.vocabularySize }
    return OpenedModel(
      configuration: configuration, transformer: transformer, tokenizer: tokenizer,
      chatTemplate: chatTemplate, stopTokens: valid.sorted(),
      summary: ModelSummary(checkpoint: checkpoint, tokenizer: tokenizer, name: name))
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
