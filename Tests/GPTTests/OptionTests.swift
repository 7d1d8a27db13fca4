import GPT
import Testing

struct OptionTests {
  private static func options(
    _ change: (inout GenerationOptions) -> Void
  ) -> GenerationOptions {
    var options = GenerationOptions()
    change(&options)
    return options
  }

  @Test func defaultsAreValid() throws {
    try GenerationOptions().validate(vocabularySize: 10)
    try GenerationOptions.greedy.validate(vocabularySize: 10)
  }

  @Test(arguments: [
    (options { $0.temperature = -1 }, "option temperature: -1.0, expected at least 0"),
    (options { $0.temperature = .nan }, "option temperature: nan, expected at least 0"),
    (options { $0.topK = -1 }, "option topK: -1, expected at least 0"),
    (options { $0.topP = 0 }, "option topP: 0.0, expected above 0 and at most 1"),
    (options { $0.minP = 1.5 }, "option minP: 1.5, expected 0...1"),
    (options { $0.typicalP = 2 }, "option typicalP: 2.0, expected above 0 and at most 1"),
    (options { $0.repetitionPenalty = 0 }, "option repetitionPenalty: 0.0, expected above 0"),
    (
      options { $0.presencePenalty = .infinity },
      "option presencePenalty: inf, expected a finite number"
    ),
    (
      options { $0.frequencyPenalty = .nan },
      "option frequencyPenalty: nan, expected a finite number"
    ),
    (options { $0.repeatLastN = -2 }, "option repeatLastN: -2, expected at least -1"),
    (options { $0.maximumTokens = -1 }, "option maximumTokens: -1, expected at least 0"),
    (options { $0.contextShiftKeep = -1 }, "option contextShiftKeep: -1, expected at least 0"),
    (options { $0.topLogprobs = 11 }, "option topLogprobs: 11, expected 0...10"),
    (
      options { $0.stopStrings = [""] },
      "option stopStrings: an empty text, expected at least one character"
    ),
    (
      options { $0.logitBias = [3: .nan] },
      "option logitBias: nan for token 3, expected a finite number or -inf"
    ),
    (
      options { $0.logitBias = [10: 1] },
      "token id 10: not in the vocabulary, expected 0..<10"
    ),
    (options { $0.stopTokens = [-1] }, "token id -1: not in the vocabulary, expected 0..<10"),
  ])
  func badOptionsAreNamed(options: GenerationOptions, message: String) {
    let error = #expect(throws: LanguageModelError.self) {
      try options.validate(vocabularySize: 10)
    }
    #expect(error?.description == message)
  }

  @Test(arguments: [
    (
      LanguageModelError.modelNotFound(name: "a\u{1b}", expected: "a path"),
      #"model "a\u{1B}": not found, expected a path"#
    ),
    (.invalidModel("x.gguf: bad"), "x.gguf: bad"),
    (
      .emptyPrompt,
      "prompt: no tokens, expected at least one "
        + "(the model has no beginning-of-sequence token)"
    ),
    (
      .promptTooLong(tokenCount: 9, contextLength: 8),
      "prompt: 9 tokens, expected at most 8 (the model's context)"
    ),
    (
      .noChatTemplate(model: "m"),
      "m: no chat template, expected one in the model's files or one chosen by name"
    ),
    (.sessionBusy, "session: a response is still being written, expected one at a time"),
    (.cancelled, "cancelled"),
  ])
  func errorsReadAsOneLine(error: LanguageModelError, message: String) {
    #expect(error.description == message)
  }

  @Test func loadingOptionsAreChecked() async {
    var options = LanguageModel.LoadingOptions()
    options.threadCount = 0
    let error = await #expect(throws: LanguageModelError.self) {
      try await LanguageModel(at: "/nowhere", options: options)
    }
    #expect(error?.description == "option threadCount: 0, expected 1...1024")
  }
}
