internal import GPTModel
package import GPTTokenizer

public import struct FoundationEssentials.URL

/// A language model: weights, tokenizer and what its files say about them.
///
/// A model is immutable and shared by any number of sessions and streams. Several may compute at
/// once; they share the processor's cores.
///
/// ```swift
/// let model = try await LanguageModel(at: url)
/// for try await token in model.tokens(prompt: "The capital of France is") {
///   print(token.text, terminator: "")
/// }
/// ```
public final class LanguageModel: Sendable {
  /// What the model is and what it takes.
  public let information: ModelInformation

  let tokenizer: any Tokenizer
  let chatTemplateSource: String?
  let stopTokens: [Int32]
  let predictor: any TokenPredictor
  /// Guesses tokens for this one.
  let draft: LanguageModel?
  let prefixes: PrefixStore
  /// How the model was opened; nil for one of parts.
  let loadingOptions: LoadingOptions?

  /// Opens a model folder (Hugging Face layout) or a `.gguf` file.
  public convenience init(
    at url: URL, options: LoadingOptions = LoadingOptions()
  ) async throws(LanguageModelError) {
    guard url.isFileURL else {
      throw .modelNotFound(name: url.absoluteString, expected: "a file URL")
    }
    try await self.init(at: url.path, options: options)
  }

  /// Opens a model folder (Hugging Face layout) or a `.gguf` file.
  public convenience init(
    at path: String, options: LoadingOptions = LoadingOptions()
  ) async throws(LanguageModelError) {
    let modelOptions = try options.modelOptions()
    let opened = try await Worker().run { () throws(LanguageModelError) in
      try translatingModelErrors { () throws(ModelError) in
        try OpenedModel.open(path: path, options: modelOptions)
      }
    }
    var draft: LanguageModel?
    if let draftPath = options.draftModel {
      draft = try await LanguageModel(draftPath, for: opened, options: modelOptions)
    }
    self.init(opened, path: path, draft: draft, options: options)
  }

  private convenience init(
    _ opened: OpenedModel, path: String, draft: LanguageModel?, options: LoadingOptions
  ) {
    self.init(
      information: ModelInformation(path: path, opened: opened), tokenizer: opened.tokenizer,
      predictor: TransformerPredictor(transformer: opened.transformer),
      stopTokens: opened.stopTokens, chatTemplateSource: opened.chatTemplate, draft: draft,
      loadingOptions: options)
  }

  /// The model at `path`, which guesses for `target` and shares its threads.
  private convenience init(
    _ path: String, for target: OpenedModel, options: ModelOptions
  ) async throws(LanguageModelError) {
    var draftOptions = options
    draftOptions.adapters = []
    draftOptions.contextLength = nil
    let opened = try await Worker().run { [draftOptions] () throws(LanguageModelError) in
      try translatingModelErrors { () throws(ModelError) in
        let opened = try OpenedModel.open(
          path: path, options: draftOptions, in: target.transformer.context)
        try checkTokens(
          of: opened.tokenizer, named: "draft model", at: path, are: target.tokenizer,
          named: "model")
        return opened
      }
    }
    self.init(opened, path: path, draft: nil, options: LoadingOptions())
  }

  /// A model of parts, for tests.
  package init(
    information: ModelInformation, tokenizer: any Tokenizer, predictor: any TokenPredictor,
    stopTokens: [Int32], chatTemplateSource: String? = nil, draft: LanguageModel? = nil,
    loadingOptions: LoadingOptions? = nil
  ) {
    self.information = information
    self.tokenizer = tokenizer
    self.predictor = predictor
    self.stopTokens = stopTokens
    self.chatTemplateSource = chatTemplateSource
    self.draft = draft
    self.loadingOptions = loadingOptions
    prefixes = PrefixStore(
      byteLimit: (loadingOptions ?? LoadingOptions()).prefixMemoryBytes)
  }

  /// The tokens that follow `prompt`, one by one.
  public func tokens(
    prompt: String, options: GenerationOptions = GenerationOptions()
  ) -> TokenStream {
    stream(options) { [self] () throws(LanguageModelError) in
      try encode(
        prompt, addSpecialTokens: options.addSpecialTokens,
        parseSpecialTokens: options.parseSpecialTokens)
    }
  }

  /// The tokens that follow those of `promptTokens`, one by one.
  public func tokens(
    promptTokens: [Int32], options: GenerationOptions = GenerationOptions()
  ) -> TokenStream {
    stream(options) { () throws(LanguageModelError) in promptTokens }
  }

  /// The text that follows `prompt`.
  public func generate(
    prompt: String, options: GenerationOptions = GenerationOptions()
  ) async throws(LanguageModelError) -> Generation {
    try await tokens(prompt: prompt, options: options).collect()
  }

  /// The text that follows `promptTokens`.
  public func generate(
    promptTokens: [Int32], options: GenerationOptions = GenerationOptions()
  ) async throws(LanguageModelError) -> Generation {
    try await tokens(promptTokens: promptTokens, options: options).collect()
  }

  /// - Parameter sequence: what is known of earlier generations; nobody else may be using it.
  func stream(
    _ options: GenerationOptions, sequence: SharedSequence? = nil,
    prompt: @escaping @Sendable () throws(LanguageModelError) -> [Int32]
  ) -> TokenStream {
    let driver = GenerationDriver { [self] worker throws(LanguageModelError) in
      let request = GenerationRun.Request(
        prompt: try prompt(), options: options, modelStops: stopTokens,
        prefixes: options.reusesPrefixes ? prefixes : nil)
      return try GenerationRun(
        request, tokenizer: tokenizer, predictor: predictor,
        sequence: sequence?.state ?? SequenceState(predictor.makeState()),
        draftSource: draft.map { draft in
          DraftSource(
            predictor: draft.predictor,
            sequence: sequence?.draftState ?? SequenceState(draft.predictor.makeState()),
            cost: draft.relativeCost(to: self))
        },
        isCancelled: { worker.isCancelled })
    }
    return TokenStream(driver: driver)
  }
}

extension LanguageModel {
  /// What a pass costs, in passes of `other`: decoding reads the weights once.
  fileprivate func relativeCost(to other: LanguageModel) -> Double {
    let (own, others) = (information.storedBytes, other.information.storedBytes)
    return others > 0 ? max(0.02, Double(own) / Double(others)) : 0.02
  }
}

/// A sequence that passes from one generation of a session to the next.
///
/// Sound although unchecked: a session lets one generation run at a time.
final class SharedSequence: @unchecked Sendable {
  let state: SequenceState
  /// The same for the draft model.
  let draftState: SequenceState?

  init(_ model: LanguageModel) {
    state = SequenceState(model.predictor.makeState())
    draftState = model.draft.map { SequenceState($0.predictor.makeState()) }
  }
}

extension TokenStream {
  /// Runs the generation to its end.
  public func collect() async throws(LanguageModelError) -> Generation {
    var iterator = makeAsyncIterator()
    while try await iterator.next() != nil {}
    guard let result else { throw .cancelled }
    return result
  }
}
