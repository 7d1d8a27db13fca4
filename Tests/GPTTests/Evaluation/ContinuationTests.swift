import GPT
import GPTJSON
import Testing

@Suite struct ContinuationTests {
  @Test(arguments: EvaluationFixture.models)
  func logLikelihoodsEqualThoseOfTheHarness(name: String) async throws {
    let golden = try #require(
      try EvaluationFixture.golden()["models"]?[name]?["continuations"]?.array)
    let model = try await EvaluationFixture.model(name)
    let requests = try golden.map { item in
      let pair = try model.encode(
        context: item["context"]?.string ?? "", continuation: item["continuation"]?.string ?? "")
      return ContinuationRequest(context: pair.context, continuations: [pair.continuation])
    }
    let scores = try await model.scores(of: requests)
    for (item, scores) in zip(golden, scores) {
      let expected = try #require(item["logprob"]?.double)
      #expect(
        abs(scores[0].logprob - expected) < 1e-3, "\(item): \(scores[0].logprob), not \(expected)")
      #expect(scores[0].isGreedy == item["greedy"]?.boolean, "\(item)")
    }
    // One context is too long, and one continuation is what the model would write.
    #expect(scores.map { $0[0].truncatedTokenCount > 0 }.count { $0 } == 1)
    #expect(scores.last?[0].isGreedy == true)
  }

  private func ids(_ count: Int, seed: Int) -> [Int32] {
    (0..<count).map { Int32(($0 * 37 + seed * 11) % 131) }
  }

  /// With a common beginning of none, few and many tokens, and continuations of different lengths.
  @Test(arguments: ["gpt2", "llama"], [0, 15, 16, 70])
  func sharedBeginningsGiveTheScoresOfWholeContexts(name: String, common: Int) async throws {
    let model = try await EvaluationFixture.model(name)
    let requests = (0..<30).map { seed in
      ContinuationRequest(
        context: ids(common, seed: 99) + ids(1 + seed % 9, seed: seed),
        continuations: [ids(1, seed: seed), ids(7, seed: seed + 1), ids(2, seed: seed)])
    }
    let together = try await model.scores(of: requests)
    for (request, scores) in zip(requests, together) {
      for (continuation, score) in zip(request.continuations, scores) {
        let whole = try await logprob(of: continuation, behind: request.context, model)
        #expect(abs(score.logprob - whole) < 1e-3, "\(score.logprob), not \(whole)")
        #expect(score.tokenCount == continuation.count)
        #expect(score.truncatedTokenCount == 0)
      }
    }
  }

  private func logprob(
    of continuation: [Int32], behind context: [Int32], _ model: LanguageModel
  ) async throws -> Double {
    let tokens = context + continuation
    let logits = try await model.logits(for: tokens)
    let size = model.information.vocabularySize
    return try (context.count..<tokens.count).reduce(0) { sum, position in
      sum
        + (try Logprobs.score(
          of: tokens[position], in: logits[(position - 1) * size..<position * size]
        ).logprob)
    }
  }

  @Test func contextsThatDoNotFitLoseTheirBeginning() async throws {
    let model = try await EvaluationFixture.model("llama", contextLength: 20)
    let context = ids(30, seed: 3)
    let (short, long) = (ids(1, seed: 4), ids(6, seed: 5))
    let scores = try await model.scores(
      of: [ContinuationRequest(context: context, continuations: [short, long])])[0]
    #expect(scores.map(\.truncatedTokenCount) == [10, 15])
    for (score, continuation) in zip(scores, [short, long]) {
      let kept = Array(context[score.truncatedTokenCount...])
      // The last token is only predicted: the model computes 20.
      let alone = try await model.scores(
        of: [ContinuationRequest(context: kept, continuations: [continuation])])[0][0]
      #expect(abs(score.logprob - alone.logprob) < 1e-6)
      #expect(alone.truncatedTokenCount == 0)
    }
  }

  @Test func oneContextIsComputedOnceForAllItsContinuations() async throws {
    let predictor = FakePredictor { _ in [Float](repeating: 0, count: 258) }
    let scores = try await LanguageModel.fake(predictor).scores(
      of: [ContinuationRequest(context: [1, 2, 3], continuations: [[4], [5], [6, 7, 8]])])
    #expect(predictor.calls.lengths == [3, 1, 1])
    #expect(scores[0].map(\.tokenCount) == [1, 1, 3])
  }

  @Test(arguments: [
    (ContinuationRequest(context: [], continuations: [[1]]), LanguageModelError.emptyPrompt),
    (ContinuationRequest(context: [1], continuations: [[1], []]), .emptyPrompt),
    (
      ContinuationRequest(context: [1], continuations: [[1, 2, 3, 4, 5]]),
      .promptTooLong(tokenCount: 5, contextLength: 4)
    ),
    (
      ContinuationRequest(context: [1], continuations: [[258]]),
      .invalidToken(id: 258, vocabularySize: 258)
    ),
  ])
  func badRequestsAreErrors(request: ContinuationRequest, expected: LanguageModelError) async {
    let model = LanguageModel.fake(
      FakePredictor(contextLength: 4) { _ in [Float](repeating: 0, count: 258) })
    let error = await #expect(throws: LanguageModelError.self) {
      try await model.scores(of: [request])
    }
    #expect(error == expected)
  }

  @Test func promptsOneAfterTheOtherGiveTheTextsOfEachAlone() async throws {
    let model = try await EvaluationFixture.model("llama")
    var options = GenerationOptions.greedy
    options.maximumTokens = 5
    let prompts = [ids(40, seed: 1), ids(40, seed: 1) + [3], ids(9, seed: 2)]
    let texts = TextLog()
    try await model.generate(promptTokens: prompts, options: options) { index, generation in
      texts.append("\(index) \(generation.text)")
    }
    var expected: [String] = []
    for (index, prompt) in prompts.enumerated() {
      expected.append(
        "\(index) \(try await model.generate(promptTokens: prompt, options: options).text)")
    }
    #expect(texts.texts == expected)
  }
}
