internal import ArgumentParser
internal import GPT
internal import GPTOps

/// Which model, and how it is computed.
struct ModelArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Model folder, .gguf file, or name of a model in the cache.",
      discussion: "Without it: the model in models/, else \(ModelLocator.defaultName).",
      valueName: "path-or-name"))
  var model: String?

  @OptionGroup var adapters: AdapterArguments
  @OptionGroup var computing: ComputingArguments

  func open(kernels: KernelLevel? = nil) async throws -> LanguageModel {
    try await computing.open(model, adapters: adapters.references, kernels: kernels)
  }

  func open(with draft: DraftArguments) async throws -> LanguageModel {
    try await computing.open(model, adapters: adapters.references, draft: draft)
  }
}

/// How a model is computed.
struct ComputingArguments: ParsableArguments {
  enum Precision: String, ExpressibleByArgument, CaseIterable { case auto, fp32, bf16, int8 }
  enum CacheType: String, ExpressibleByArgument, CaseIterable {
    case f32, f16, bf16
    case q8 = "q8_0"
  }

  @Option(help: "Threads that compute (default: one for each core).")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Precision of matrix products.",
      discussion: "int8 reads prompts faster with quantised weights, and less exactly."))
  var precision = Precision.auto

  @Option(
    help:
      "How attention keys and values are kept (default: bf16, or f16 without its products; f32 with fp32)."
  )
  var kvType: CacheType?

  @Flag(
    help: ArgumentHelp(
      "Leave quantised weights where their file is mapped.",
      discussion:
        "Pages can be dropped when memory is short and are shared by processes; prompts are read more slowly."
    ))
  var lowMemory = false

  @Option(help: "Most tokens of context (default: what the model was made for).")
  var contextLength: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    if let contextLength, contextLength < 1 {
      throw ValidationError("--context-length must be at least 1.")
    }
  }

  func open(
    _ model: String?, adapters: [AdapterReference] = [], draft: DraftArguments? = nil,
    kernels: KernelLevel? = nil
  ) async throws -> LanguageModel {
    var options = LanguageModel.LoadingOptions()
    options.adapters = adapters
    options.draftModel = try draft?.model()
    // A prompt that is to be kept must not be too large to be.
    if draft?.promptCache != nil { options.prefixMemoryBytes = .max }
    options.threadCount = threads
    options.precision =
      switch precision {
      case .auto: .automatic
      case .fp32: .fp32
      case .bf16: .bf16
      case .int8: .int8
      }
    options.cacheType = kvType.flatMap {
      LanguageModel.LoadingOptions.CacheType(rawValue: $0.rawValue)
    }
    options.lowMemory = lowMemory
    options.contextLength = contextLength
    options.kernelLevel = kernels
    return try await LanguageModel(at: ModelLocator.resolve(model), options: options)
  }
}
