import GPT
import Testing

struct GenerationTests {
  private func greedy(_ change: (inout GenerationOptions) -> Void = { _ in }) -> GenerationOptions {
    var options = GenerationOptions.greedy
    change(&options)
    return options
  }

  private func ids(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }

  @Test func endsAtTheModelsStopToken() async throws {
    let result = try await LanguageModel.scripted(ids("hello")).generate(
      prompt: "", options: greedy())
    #expect(result.text == "hello")
    #expect(result.finishReason == .stopToken)
    #expect(result.promptTokens == [256])
    #expect(result.timings.decodedTokenCount == 5)
  }

  @Test func ignoringTheEndForbidsTheStopToken() async throws {
    let result = try await LanguageModel.scripted(ids("ab")).generate(
      prompt: "", options: greedy { ($0.ignoreEndOfSequence, $0.maximumTokens) = (true, 4) })
    #expect(result.tokens.count == 4)
    #expect(result.finishReason == .maximumTokens)
  }

  /// Stop strings begin and end inside tokens, and prefixes of them that lead nowhere come out.
  @Test(arguments: [
    (["STOP"], "one S", FinishReason.stopString),
    (["xyz"], "one SSTOP two", .stopToken),
    (["one"], "", .stopString),
    (["TOP two", "SS"], "one ", .stopString),
    (["two!"], "one SSTOP two", .stopToken),
    (["P t", "TOP"], "one SS", .stopString),
  ])
  func stopStringsMatchAcrossTokens(
    stops: [String], expected: String, reason: FinishReason
  ) async throws {
    // "one " "S" "ST" "OP" " two"
    let model = LanguageModel.scripted(
      ids("one ") + [83, 258, 259, 260], extra: ["ST", "OP", " two"])
    let result = try await model.generate(prompt: "", options: greedy { $0.stopStrings = stops })
    #expect(result.text == expected)
    #expect(result.finishReason == reason)
    #expect(result.tokens.map(\.text).joined() == expected)
  }

  @Test func textThatMayBecomeAStopStringIsHeldBack() async throws {
    let model = LanguageModel.scripted(ids("abSTx"))
    var texts: [String] = []
    for try await token in model.tokens(
      prompt: "", options: greedy { $0.stopStrings = ["STOP"] })
    {
      texts.append(token.text)
    }
    #expect(texts == ["a", "b", "S", "T", "x"])
  }

  @Test func charactersComeOutWhole() async throws {
    let model = LanguageModel.scripted(ids("é€") + [0xe2, 0x82])
    var texts: [String] = []
    for try await token in model.tokens(prompt: "", options: greedy()) {
      texts.append(token.text)
    }
    #expect(texts.joined() == "é€\u{fffd}")
    #expect(texts.filter { !$0.isEmpty }.first == "é")
  }

  @Test func equalSeedsGiveEqualTokens() async throws {
    let predictor = FakePredictor { tokens in
      (0..<258).map { Float(($0 &* 31 &+ tokens.count &* 7) % 17) * 0.2 }
    }
    let model = LanguageModel.fake(predictor)
    var options = GenerationOptions()
    options.maximumTokens = 40
    let first = try await model.generate(prompt: "x", options: options)
    options.seed = first.seed
    let second = try await model.generate(prompt: "x", options: options)
    options.seed = first.seed &+ 1
    let third = try await model.generate(prompt: "x", options: options)
    #expect(first.tokens == second.tokens)
    #expect(first.tokens != third.tokens)
  }

  @Test func promptsAreComputedInChunks() async throws {
    let predictor = FakePredictor { _ in oneHot(257, 258) }
    _ = try await LanguageModel.fake(predictor).generate(
      promptTokens: [Int32](repeating: 65, count: 1100), options: greedy())
    #expect(predictor.calls.lengths == [512, 512, 76])
  }

  @Test func aFullContextEndsTheGeneration() async throws {
    let result = try await LanguageModel.alphabet(contextLength: 8).generate(
      prompt: "abc", options: greedy())
    #expect(result.text == "defgh")
    #expect(result.finishReason == .contextFull)
  }

  @Test(arguments: [true, false])
  func aContextShiftGoesOn(canDiscard: Bool) async throws {
    let model = LanguageModel.alphabet(contextLength: 8, canDiscard: canDiscard)
    let result = try await model.generate(
      prompt: "abc", options: greedy { ($0.contextShift, $0.maximumTokens) = (true, 20) })
    #expect(result.text == "defghijklmnopqrstuvw")
    #expect(result.finishReason == .maximumTokens)
  }

  @Test func aPromptLongerThanTheContextIsAnError() async {
    let error = await #expect(throws: LanguageModelError.self) {
      try await LanguageModel.alphabet(contextLength: 8).generate(prompt: "abcdefgh")
    }
    #expect(error == .promptTooLong(tokenCount: 9, contextLength: 8))
  }

  @Test func anEmptyPromptNeedsABeginning() async {
    let model = LanguageModel.fake(
      FakePredictor { _ in oneHot(65, 258) }, tokenizer: ByteTokenizer(beginningOfSequence: nil))
    let error = await #expect(throws: LanguageModelError.self) {
      try await model.generate(prompt: "")
    }
    #expect(error == .emptyPrompt)
  }

  @Test func logprobsAreTheModelsOwn() async throws {
    let result = try await LanguageModel.alphabet().generate(
      prompt: "a",
      options: greedy { ($0.topLogprobs, $0.maximumTokens) = (2, 1) })
    let expected = 9 - Float(logarithm(Float(8103.0839 + 257)))
    #expect(abs((result.tokens[0].logprob ?? 0) - expected) < 1e-4)
    #expect(result.tokens[0].topLogprobs.map(\.id) == [98, 0])
  }

  @Test func cancellingStopsWithinOneToken() async throws {
    let predictor = FakePredictor { _ in oneHot(65, 258) }
    let model = LanguageModel.fake(predictor)
    let task = Task {
      for try await _ in model.tokens(prompt: "x", options: .greedy)
      where
        predictor.calls.lengths.count == 10
      {
        withUnsafeCurrentTask { $0?.cancel() }
      }
    }
    let error = await #expect(throws: LanguageModelError.self) { try await task.value }
    #expect(error == .cancelled)
    #expect(predictor.calls.lengths.count == 10)
  }
}
