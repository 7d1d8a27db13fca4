package import GPTOps
import GPTTensor
package import GPTTokenizer

/// Choices made when a model is opened.
package struct ModelOptions: Sendable {
  /// Threads that compute; nil: one for each CPU this process may use.
  package var threadCount: Int?
  package var precision = Precision.automatic
  package var cacheType: CacheType?
  /// Quantised weights stay as their file holds them.
  package var lowMemory = false
  /// Tokens of context; nil: as many as the model was made for.
  package var contextLength: Int?
  /// Instruction set of the kernels; nil: `GPT_KERNELS`, else the best there is.
  package var kernelLevel: KernelLevel?
  /// Folders of LoRA adapters to put on the model, each with a factor on what it adds.
  package var adapters: [(path: String, scale: Float)] = []
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

  /// Opens a Hugging Face folder or a GGUF file. The tokenizer is made while weights are packed, so
  /// what is wrong with it is reported after what is wrong with them.
  ///
  /// - Parameter context: where it is computed, that of a model it works with; nil makes a new one
  package static func open(
    path: String, options: ModelOptions, in context: ComputeContext? = nil
  ) throws(ModelError) -> OpenedModel {
    let found = try FoundModel.find(path: path, contextLength: options.contextLength)
    let context = if let context { context } else { try self.context(options) }
    var tokenizer: Result<any Tokenizer, ModelError>?
    let transformer = try load(found.checkpoint, options: options, in: context) {
      tokenizer = Result { () throws(ModelError) in try found.makeTokenizer() }
    }
    guard let tokenizer else { preconditionFailure("weights packed without what goes beside") }
    return OpenedModel(try found.source(with: try tokenizer.get()), transformer: transformer)
  }

  static func context(_ options: ModelOptions) throws(ModelError) -> ComputeContext {
    let threads = options.threadCount ?? ComputeContext.availableThreadCount
    do {
      return try ComputeContext(
        threadCount: threads, precision: options.precision, level: options.kernelLevel)
    } catch { throw .compute(error) }
  }

  /// Loads the weights of a model whose files are open.
  ///
  /// - Parameter options: their context length is not looked at; the source has one
  package static func open(
    _ source: TrainingSource, options: ModelOptions, in given: ComputeContext? = nil
  ) throws(ModelError) -> OpenedModel {
    let context = if let given { given } else { try context(options) }
    return OpenedModel(
      source, transformer: try load(source.checkpoint, options: options, in: context))
  }

  private init(_ source: TrainingSource, transformer: Transformer) {
    configuration = source.configuration
    self.transformer = transformer
    tokenizer = source.tokenizer
    chatTemplate = source.chatTemplate
    stopTokens = source.stopTokens
    summary = source.summary
  }

  private static func load(
    _ checkpoint: Checkpoint, options: ModelOptions, in context: ComputeContext,
    beside other: () -> Void = {}
  ) throws(ModelError) -> Transformer {
    // Before time and memory go into packing.
    let adapters = try loadAdapters(options.adapters, configuration: checkpoint.configuration)
    let transformer = try TransformerLoader(
      checkpoint: checkpoint, context: context,
      cacheType: options.cacheType ?? context.defaultCacheType, keepsBlocks: options.lowMemory
    ).load(beside: other)
    return adapters.isEmpty ? transformer : transformer.adapted(by: adapters)
  }
}
