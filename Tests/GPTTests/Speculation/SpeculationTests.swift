import GPT
import Testing

struct SpeculationTests {
  typealias Change = @Sendable (inout GenerationOptions) -> Void

  private func tokens(
    _ model: LanguageModel, _ options: GenerationOptions,
    _ speculation: GenerationOptions.Speculation?, prompt: [Int32]
  ) async throws -> Generation {
    var options = options
    options.speculation = speculation
    options.maximumTokens = options.maximumTokens ?? 60
    options.topLogprobs = 2
    return try await model.generate(promptTokens: prompt, options: options)
  }

  private static let repetitive = SpeculationFixture.ids(20) + SpeculationFixture.ids(12)

  /// Tokens, logprobs bit for bit, and why the generation ends.
  @Test(
    arguments: ["gpt2", "llama", "mistral", "qwen2"],
    [
      { $0.temperature = 0 },
      { ($0.temperature, $0.seed) = (0.8, 5) },
      { ($0.temperature, $0.topK, $0.topP, $0.seed) = (0.05, 0, 1, 6) },
      { ($0.temperature, $0.repetitionPenalty, $0.frequencyPenalty) = (0, 1.3, 0.4) },
      { ($0.temperature, $0.maximumTokens) = (0, 1) },
    ] as [Change])
  func promptLookupGivesTheTokensOfPlainDecoding(name: String, change: Change) async throws {
    var options = GenerationOptions()
    change(&options)
    options.seed = options.seed ?? 1
    let model = try SpeculationFixture.model(name)
    let plain = try await tokens(model, options, nil, prompt: Self.repetitive)
    let found = try await tokens(model, options, .promptLookup, prompt: Self.repetitive)
    #expect(found.tokens == plain.tokens)
    #expect(found.finishReason == plain.finishReason)
    #expect(found.timings.decodedTokenCount == plain.timings.decodedTokenCount)
  }

  @Test(
    arguments: [("llama", "llama"), ("llama", "llama-rope-linear"), ("gpt2", "gpt2-untied")],
    [
      { _ in },
      { ($0.repetitionPenalty, $0.presencePenalty, $0.repeatLastN) = (1.5, 0.3, 7) },
      { $0.contextShift = true },
    ] as [Change])
  func aDraftModelGivesTheTokensOfPlainDecodingAtTemperatureZero(
    names: (String, String), change: Change
  ) async throws {
    var options = GenerationOptions.greedy
    change(&options)
    if options.contextShift { options.maximumTokens = 150 }
    let model = try SpeculationFixture.model(names.0, draft: names.1)
    let plain = try await tokens(model, options, nil, prompt: Self.repetitive)
    let found = try await tokens(model, options, .draftModel, prompt: Self.repetitive)
    #expect(found.tokens == plain.tokens)
    #expect(found.timings.draftedTokenCount > 0)
  }

  @Test func aModelThatGuessesForItselfIsAlwaysRight() async throws {
    let model = try SpeculationFixture.model("llama", draft: "llama")
    let result = try await tokens(model, .greedy, .draftModel, prompt: [1, 2, 3])
    // The last pass may guess more than is wanted.
    #expect(result.timings.acceptanceRate ?? 0 > 0.85)
    #expect(result.timings.draftedTokenCount >= 40)
  }

  @Test func stopsInsideGuessesEndTheGeneration() async throws {
    let prompt = Array("abcdefghijklmnopqrstuvwxyzabcdefghijkl".utf8).map { Int32($0) }
    for stop in ["q", "mnop", "z"] {
      var options = GenerationOptions.greedy
      options.stopStrings = [stop]
      let plain = try await tokens(.alphabet(), options, nil, prompt: prompt)
      let found = try await tokens(.alphabet(), options, .promptLookup, prompt: prompt)
      #expect(found.text == plain.text)
      #expect(found.finishReason == .stopString)
      #expect(found.timings.acceptedTokenCount > 0)
    }
    var options = GenerationOptions.greedy
    options.stopTokens = [120]
    let found = try await tokens(.alphabet(), options, .promptLookup, prompt: prompt)
    #expect(found.text == "mnopqrstuvw")
    #expect(found.finishReason == .stopToken)
  }

  @Test(arguments: [38, 41, 45, 46, 200])
  func aFullContextEndsOrShiftsAsWithoutGuesses(length: Int) async throws {
    let prompt = Array("abcdefghijklmnopqrstuvwxyzabcdefghijkl".utf8).map { Int32($0) }
    for shift in [false, true] {
      var options = GenerationOptions.greedy
      options.contextShift = shift
      let model = LanguageModel.alphabet(contextLength: length)
      let plain = try await tokens(model, options, nil, prompt: prompt)
      let found = try await tokens(model, options, .promptLookup, prompt: prompt)
      #expect(found.text == plain.text)
      #expect(found.finishReason == plain.finishReason)
    }
  }

  /// Each pass over several tokens saves passes.
  @Test func guessesSavePasses() async throws {
    let predictor = FakePredictor { tokens in
      let last = tokens.last ?? 0
      return oneHot(last >= 97 && last < 122 ? last + 1 : 97, 258)
    }
    let prompt = (0..<60).map { Int32(97 + $0 % 26) }
    let result = try await tokens(.fake(predictor), .greedy, .promptLookup, prompt: prompt)
    #expect(result.tokens.count == 60)
    // A pass of the fake model logs one length for each row.
    #expect(result.timings.acceptedTokenCount >= 50)
    #expect(result.timings.acceptanceRate == 1)
  }

  @Test func aSessionGoesOnTheSameAfterGuesses() async throws {
    var answers: [[String]] = []
    for speculation in [nil, GenerationOptions.Speculation.draftModel] {
      let session = LanguageModelSession(
        model: try SpeculationFixture.model("llama", draft: "llama-rope-linear"),
        chatFormat: "llama2")
      var options = GenerationOptions.greedy
      (options.maximumTokens, options.speculation) = (9, speculation)
      var contents: [String] = []
      for question in ["a b", "c"] {
        contents.append(try await session.respond(to: question, options: options).content)
      }
      answers.append(contents)
    }
    #expect(answers[0] == answers[1])
  }

  @Test func guessingWithoutADraftModelIsAnError() async {
    var options = GenerationOptions.greedy
    options.speculation = .draftModel
    let error = await #expect(throws: LanguageModelError.self) {
      try await LanguageModel.alphabet().generate(prompt: "a", options: options)
    }
    #expect(
      error?.description == "option speculation: draftModel without one, expected a model that was "
        + "opened with a draft model")
  }

  @Test func aDraftModelWithAnotherVocabularyIsAnError() async {
    var options = LanguageModel.LoadingOptions()
    options.draftModel = SpeculationFixture.folder + "qwen2"
    let error = await #expect(throws: LanguageModelError.self) {
      try await LanguageModel(at: SpeculationFixture.folder + "llama", options: options)
    }
    #expect(
      error?.description.contains("the draft model's token 270 is ") ?? false,
      "\(String(describing: error))")
  }

  @Test func aDraftModelIsOpenedWithTheModel() async throws {
    var options = LanguageModel.LoadingOptions()
    options.draftModel = SpeculationFixture.folder + "llama-rope-linear"
    let model = try await LanguageModel(at: SpeculationFixture.folder + "llama", options: options)
    let result = try await tokens(model, .greedy, .draftModel, prompt: [1, 2])
    let plain = try await tokens(model, .greedy, nil, prompt: [1, 2])
    #expect(result.tokens == plain.tokens)
  }
}
