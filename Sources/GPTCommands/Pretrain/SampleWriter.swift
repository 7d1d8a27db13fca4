internal import Dispatch
internal import GPT
internal import GPTModel
internal import GPTTokenizer
internal import GPTTraining
import Synchronization

/// What a model that is being trained writes, out of its weights as they are.
struct SampleWriter {
  private let tokenizer: any Tokenizer
  private let prompt: [Int32]
  private let endOfDocument: Int32?
  private let options: GenerationOptions

  /// Enough to judge by, and about a second of a small model's time.
  private static let tokenCount = 200

  init(corpus: PreparedCorpus, configuration: ModelConfiguration) throws(TrainingError) {
    do throws(TokenizerError) {
      tokenizer = try loadTokenizer(folder: corpus.tokenizerFolder)
      // A line's end is what texts of every kind go on after.
      let newline = try tokenizer.encode(
        "\n", addSpecialTokens: false, parseSpecialTokens: false)
      prompt = newline.isEmpty ? [corpus.endOfDocument ?? 0] : newline
    } catch { throw .tokenizer(error) }
    endOfDocument = corpus.endOfDocument
    var options = GenerationOptions()
    options.temperature = 0.8
    options.seed = 1
    options.maximumTokens = min(
      Self.tokenCount, max(1, configuration.contextLength - prompt.count))
    self.options = options
  }

  /// Waits for the text; a model that writes nothing sensible still writes something.
  func write(_ model: any TrainableModel) -> String {
    guard let model = model as? TrainingModel else { return "" }
    let language = LanguageModel(
      information: ModelInformation(model.configuration), tokenizer: tokenizer,
      predictor: TransformerPredictor(transformer: model.transformer),
      stopTokens: endOfDocument.map { [$0] } ?? [])
    let text = Mutex("")
    let done = DispatchSemaphore(value: 0)
    let (prompt, options) = (prompt, options)
    Task {
      let result: String
      do { result = try await language.generate(promptTokens: prompt, options: options).text } catch
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
