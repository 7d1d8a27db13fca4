import Foundation
import GPT
import GPTJSON
import Testing

@Suite struct PerplexityTests {
  private static func options(
    _ counting: PerplexityOptions.Counting = .transformers, window: Int? = nil,
    stride: Int? = nil, chunkLength: Int? = nil
  ) -> PerplexityOptions {
    var options = PerplexityOptions()
    options.counting = counting
    options.windowLength = window
    options.stride = stride
    options.chunkLength = chunkLength
    return options
  }

  @Test(arguments: EvaluationFixture.models, [nil, 1, 5])
  func slidingWindowsCountAsTransformersDo(name: String, chunkLength: Int?) async throws {
    let golden = try EvaluationFixture.golden()
    let text = try #require(golden["text"]?.string)
    let model = try await EvaluationFixture.model(name)
    for expected in try #require(golden["models"]?[name]?["perplexities"]?.array) {
      let window = try #require(expected["window"]?.integer)
      let stride = try #require(expected["stride"]?.integer)
      let value = try #require(expected["perplexity"]?.double)
      let found = try await model.perplexity(
        of: text,
        options: Self.options(window: window, stride: stride, chunkLength: chunkLength))
      #expect(found.tokens.count == expected["tokens"]?.integer)
      #expect(
        found.tokenCount == found.tokens.count
          - (stride == window ? (found.tokens.count + window - 1) / window : 1))
      #expect(
        abs(found.value / value - 1) < 1e-4, "\(window), \(stride): \(found.value), not \(value)")
    }
  }

  /// llama.cpp's counting, said again as plainly as possible.
  @Test(arguments: EvaluationFixture.models + ["mistral"], [3, 10, 33])
  func secondHalvesCountAsLlamaCppDoes(name: String, window: Int) async throws {
    let text = try #require(try EvaluationFixture.golden()["text"]?.string)
    let model = try await EvaluationFixture.model(name)
    let tokens = try model.encode(text)
    let beginning = try model.encode("").first
    let size = model.information.vocabularySize
    var sum = 0.0
    var count = 0
    for chunk in 0..<tokens.count / window {
      var part = Array(tokens[chunk * window..<(chunk + 1) * window])
      if let beginning { part[0] = beginning }
      let logits = try await model.logits(for: part).map { Double($0) }
      for position in window / 2..<window - 1 {
        let row = logits[position * size..<(position + 1) * size]
        let target = row[row.startIndex + Int(part[position + 1])]
        sum += log(row.reduce(0) { $0 + exp($1) }) - target
        count += 1
      }
    }
    let found = try await model.perplexity(
      of: text, options: Self.options(.llamaCpp, window: window))
    #expect(found.tokenCount == count)
    #expect(abs(found.mean - sum / Double(count)) < 1e-4, "\(found.mean), not \(sum) / \(count)")
  }

  @Test(arguments: PerplexityOptions.Counting.allCases)
  func perplexityOfAUniformModelIsItsVocabulary(
    counting: PerplexityOptions.Counting
  ) async throws {
    let model = LanguageModel.fake(FakePredictor { _ in [Float](repeating: 1, count: 258) })
    let result = try await model.perplexity(
      of: "some text", options: Self.options(counting, window: 4))
    #expect(abs(result.value - 258) < 1e-3)
    // One beginning of sequence and nine bytes, each of which is a token.
    #expect(result.tokenCount == (counting == .llamaCpp ? 2 : 9))
    #expect(result.byteCount == result.tokenCount)
    #expect(abs(result.bitsPerByte - log2(258)) < 1e-6)
    #expect(result.standardError < 1e-6)
  }

  /// A window's mean counts for one token less than it predicts, but for the first.
  @Test func meansAreWeightedAsTransformersDo() {
    let result = Perplexity(
      tokens: [0, 1, 2, 3, 4],
      windows: [
        Perplexity.Window(predicted: 1..<3, weight: 2),
        Perplexity.Window(predicted: 3..<5, weight: 1),
      ],
      tokenLogprobs: [-1, -2, -4, -6], byteCount: 8)
    #expect(result.negativeLogLikelihood == 13)
    let mean = (1.5 * 2 + 5.0) / 3
    #expect(abs(result.mean - mean) < 1e-12)
    // Deviations from 3.25: 2.25, 1.25, 0.75, 2.75; squares 14.75, over 3 and over 4.
    let error = (14.75 / 12).squareRoot() * result.value
    #expect(abs(result.standardError - error) < 1e-9)
  }

  @Test(arguments: [
    (options(window: 1), "option windowLength: 1, expected 2...64"),
    (options(window: 65), "option windowLength: 65, expected 2...64"),
    (options(window: 8, stride: 9), "option stride: 9, expected 1...8"),
    (options(window: 8, stride: 0), "option stride: 0, expected 1...8"),
    (options(window: 8, chunkLength: 0), "option chunkLength: 0, expected 1 or more"),
    (options(.llamaCpp, window: 2), "option windowLength: 2, expected 3...64"),
    (
      options(.llamaCpp, window: 8, stride: 4),
      "option stride: 4, expected none with llama.cpp's counting"
    ),
    (options(.llamaCpp, window: 8), "text: 10 tokens, expected at least 16"),
  ])
  func badWindowsAreNamed(options: PerplexityOptions, message: String) async {
    let model = LanguageModel.fake(
      FakePredictor(contextLength: 64) { _ in [Float](repeating: 1, count: 258) })
    let error = await #expect(throws: LanguageModelError.self) {
      try await model.perplexity(of: "some text", options: options)
    }
    #expect(error?.description == message)
  }

  @Test func oneTokenIsTooShort() async {
    let model = LanguageModel.fake(FakePredictor { _ in [Float](repeating: 1, count: 258) })
    let error = await #expect(throws: LanguageModelError.self) {
      try await model.perplexity(of: "")
    }
    #expect(error == .textTooShort(tokenCount: 1, minimum: 2))
  }
}
