internal import Dispatch
internal import GPT
internal import GPTModel
internal import GPTTokenizer
internal import GPTTraining
import Synchronization

/// What a model that is being trained writes, out of its weights as they are.
struct SampleWriter {
  struct Prompt {
    let tokens: [Int32]
    /// Written before what the model writes; empty for one that says nothing.
    var title = ""
  }

  private let configuration: ModelConfiguration
  private let tokenizer: any Tokenizer
  private let prompts: [Prompt]
  private let stopTokens: [Int32]
  private let options: GenerationOptions

  /// Enough to judge a new model by, and about a second of its time.
  private static let tokenCount = 200

  /// - Parameter options: of every text; their number of tokens is cut to what the context holds
  init(
    _ configuration: ModelConfiguration, tokenizer: any Tokenizer, prompts: [Prompt],
    stopTokens: [Int32], options: GenerationOptions
  ) {
    self.configuration = configuration
    self.tokenizer = tokenizer
    self.prompts = prompts
    self.stopTokens = stopTokens
    self.options = options
  }

  init(corpus: PreparedCorpus, configuration: ModelConfiguration) throws(TrainingError) {
    let tokenizer: any Tokenizer
    let prompt: [Int32]
    do throws(TokenizerError) {
      tokenizer = try loadTokenizer(folder: corpus.tokenizerFolder)
      // A line's end is what texts of every kind go on after.
      let newline = try tokenizer.encode(
        "\n", addSpecialTokens: false, parseSpecialTokens: false)
      prompt = newline.isEmpty ? [corpus.endOfDocument ?? 0] : newline
    } catch { throw .tokenizer(error) }
    var options = GenerationOptions()
    options.temperature = 0.8
    options.seed = 1
    options.maximumTokens = Self.tokenCount
    self.init(
      configuration, tokenizer: tokenizer, prompts: [Prompt(tokens: prompt)],
      stopTokens: corpus.endOfDocument.map { [$0] } ?? [], options: options)
  }

  /// Waits for the texts; a model that writes nothing sensible still writes something.
  func write(_ transformer: Transformer) -> String {
    let language = LanguageModel(
      information: ModelInformation(configuration), tokenizer: tokenizer,
      predictor: TransformerPredictor(transformer: transformer), stopTokens: stopTokens)
    return prompts.map { $0.title + write($0, language) }.joined(separator: "\n")
  }

  private func write(_ prompt: Prompt, _ language: LanguageModel) -> String {
    let text = Mutex("")
    let done = DispatchSemaphore(value: 0)
    let tokens = prompt.tokens
    var options = options
    let room = max(1, configuration.contextLength - tokens.count)
    options.maximumTokens = min(options.maximumTokens ?? room, room)
    Task { [options] in
      let result: String
      do { result = try await language.generate(promptTokens: tokens, options: options).text } catch
      { result = "(\(error))" }
      text.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    return text.withLock { $0 }
  }
}

extension ModelInformation {
  /// Of a model that stands in no file.
  fileprivate init(_ configuration: ModelConfiguration) {
    self.init(
      path: "", architecture: configuration.architecture, name: nil,
      parameterCount: configuration.parameterCount, storedTypes: [], storedBytes: 0, tokenizer: "",
      vocabularySize: configuration.vocabularySize, contextLength: configuration.contextLength,
      width: configuration.width, blockCount: configuration.blockCount,
      headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
      headWidth: configuration.headWidth, hiddenWidth: configuration.hiddenWidth,
      hasChatTemplate: false, contextMemory: [])
  }
}
