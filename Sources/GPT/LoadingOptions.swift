internal import GPTModel
package import GPTOps

extension LanguageModel {
  /// How a model is opened and computed.
  public struct LoadingOptions: Sendable, Equatable {
    /// In what precision matrix products are computed.
    public enum Precision: String, Sendable, CaseIterable {
      /// bfloat16 with float32 sums where the hardware has it, else float32; with quantised weights
      /// 16-bit activations of up to eight rows, and of more where bfloat16 is missing.
      case automatic = "auto"
      case fp32, bf16
      /// As automatic, but prompts are multiplied with quantised weights in 8 bits where that is
      /// faster: perplexity rises by about half a percent.
      case int8
    }

    /// How attention keys and values are kept.
    public enum CacheType: String, Sendable, CaseIterable {
      case f32, f16, bf16
      /// 8 bits an element, and a scale for 32 of them: about half of f16.
      case q8 = "q8_0"
    }

    /// Threads that compute; nil takes one for each core.
    public var threadCount: Int?
    public var precision = Precision.automatic
    /// nil takes bf16 where products are of bf16, else f16, or f32 when all is computed in fp32.
    public var cacheType: CacheType?
    /// Leaves quantised weights where their file is mapped (Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K and
    /// Q6_K; floats always are): the kernel may drop their pages whenever memory is short, processes
    /// share them, and opening takes no time. Prompts are read more slowly, decoding somewhat.
    public var lowMemory = false
    /// Most tokens a sequence may have; nil takes what the model was made for.
    public var contextLength: Int?
    /// Path of a smaller model with the same vocabulary, which guesses tokens for
    /// `GenerationOptions.Speculation.draftModel`.
    public var draftModel: String?
    /// Most memory for keys and values of prompts that no sequence holds any more, for prompts that
    /// begin with the same tokens; 0 keeps none.
    public var prefixMemoryBytes = 256 << 20
    /// LoRA adapters to put on the model; what several add is summed.
    public var adapters: [AdapterReference] = []

    /// Instruction set of the kernels; nil: `GPT_KERNELS`, else the best there is.
    package var kernelLevel: KernelLevel?

    public init() {}

    /// Most threads that may be asked for: the largest machines have fewer cores.
    static let maximumThreadCount = 1024

    func modelOptions() throws(LanguageModelError) -> ModelOptions {
      if let threadCount, !(1...Self.maximumThreadCount).contains(threadCount) {
        throw .invalidOption(
          name: "threadCount", found: "\(threadCount)",
          expected: "1...\(Self.maximumThreadCount)")
      }
      if let contextLength, contextLength < 1 {
        throw .invalidOption(
          name: "contextLength", found: "\(contextLength)", expected: "at least 1")
      }
      if prefixMemoryBytes < 0 {
        throw .invalidOption(
          name: "prefixMemoryBytes", found: "\(prefixMemoryBytes)", expected: "at least 0")
      }
      for adapter in adapters where !adapter.scale.isFinite {
        throw .invalidOption(
          name: "adapters", found: "scale \(adapter.scale) for \(adapter.path.debugDescription)",
          expected: "a finite number")
      }
      var options = ModelOptions()
      options.adapters = adapters.map { ($0.path, $0.scale) }
      options.threadCount = threadCount
      options.lowMemory = lowMemory
      options.contextLength = contextLength
      options.kernelLevel = kernelLevel
      switch precision {
      case .automatic: options.precision = .automatic
      case .fp32: options.precision = .fp32
      case .bf16: options.precision = .bf16
      case .int8: options.precision = .int8
      }
      options.cacheType = cacheType.flatMap { GPTOps.CacheType(rawValue: $0.rawValue) }
      return options
    }
  }
}
