internal import GPT

/// One prefill and one decoding, measured.
struct InferenceMeasurement {
  struct Sample {
    var prefillRate: Double
    var firstTokenSeconds: Double
    var decodeRate: Double
    /// Of this run, behind the prompt's first token.
    var secondsAfterFirstToken: Double

    var summary: String {
      "prefill \(prefillRate.rounded(to: 1)) tokens/s, decode \(decodeRate.rounded(to: 1)) tokens/s"
    }
  }

  let model: LanguageModel
  let promptTokens: Int
  let generateTokens: Int
  let depth: Int

  func run() async throws -> Sample {
    var options = GenerationOptions.greedy
    options.reusesPrefixes = false
    options.ignoreEndOfSequence = true
    options.includeSpecialTokens = true
    options.maximumTokens = 1
    let clock = ContinuousClock()
    let start = clock.now
    let prefill = try await model.generate(promptTokens: tokens(promptTokens), options: options)
    let firstTokenSeconds = (clock.now - start).inSeconds
    var decodeRate = 0.0
    if generateTokens > 0 {
      // The first token comes out of the prompt's last logits and costs no step of its own.
      options.maximumTokens = generateTokens + 1
      let decode = try await model.generate(
        promptTokens: tokens(max(1, depth)), options: options)
      guard decode.timings.decodedTokenCount == generateTokens else {
        throw CommandError.invalid(
          location: "bench", found: "room for \(decode.timings.decodedTokenCount) tokens",
          expected: "\(generateTokens) after \(depth) within the model's context")
      }
      decodeRate = decode.timings.decodeTokensPerSecond
    }
    return Sample(
      prefillRate: prefill.timings.promptTokensPerSecond, firstTokenSeconds: firstTokenSeconds,
      decodeRate: decodeRate,
      secondsAfterFirstToken: (clock.now - start).inSeconds - firstTokenSeconds)
  }

  private func tokens(_ count: Int) -> [Int32] { model.spreadTokens(count) }
}

extension LanguageModel {
  /// Ids spread over the vocabulary, the same in every run (Knuth's multiplicative hash).
  func spreadTokens(_ count: Int, from first: Int = 0) -> [Int32] {
    let size = UInt64(information.vocabularySize)
    return (UInt64(first)..<UInt64(first + count)).map { Int32($0 &* 2_654_435_761 % size) }
  }
}
