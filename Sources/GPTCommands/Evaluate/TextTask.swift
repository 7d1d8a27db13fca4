package import GPT
internal import GPTJSON

/// `--text`: perplexity and bits per byte.
package struct TextTask: EvaluationTask {
  /// Tokens that the page of mistakes shows before the one that surprised the model.
  private static let shownContext = 48

  package let name = "text"
  package let file: String
  let options: PerplexityOptions
  let text: String

  package init(file: String, options: PerplexityOptions) throws {
    self.file = file
    self.options = options
    var text = try Files.text(Files.readAll(path: file), location: file)
    // llama-perplexity takes its text from an option that drops one line feed at the end.
    if options.counting == .llamaCpp, text.utf8.last == UInt8(ascii: "\n") {
      text.unicodeScalars.removeLast()
    }
    self.text = text
  }

  package func evaluate(
    _ model: LanguageModel, progress: EvaluationProgress
  ) async throws -> EvaluationResult {
    let perplexity = try await perplexity(of: model, progress: progress)
    typealias Metric = EvaluationResult.Metric
    return EvaluationResult(
      metrics: [
        Metric(
          name: "perplexity", value: perplexity.value, standardError: perplexity.standardError),
        Metric(name: "bits_per_byte", value: perplexity.bitsPerByte),
        .mean("nats_per_token", perplexity.tokenLogprobs.map { -Double($0) }),
      ],
      members: [
        ("counting", .string(options.counting.rawValue)),
        ("windows", .integer(perplexity.windows.count)),
        ("tokens", .integer(perplexity.tokens.count)),
        ("predicted_tokens", .integer(perplexity.tokenCount)),
        ("predicted_bytes", .integer(perplexity.byteCount)),
        ("negative_log_likelihood", .number(perplexity.negativeLogLikelihood)),
      ],
      mistakes: try mistakes(perplexity, model))
  }

  private func perplexity(
    of model: LanguageModel, progress: EvaluationProgress
  ) async throws -> Perplexity {
    do {
      return try await model.perplexity(of: text, options: options) { done, total in
        progress(done, of: total)
      }
    } catch {
      guard case .textTooShort(let count, let minimum) = error else { throw error }
      throw CommandError.invalid(
        location: file, found: "\(count) tokens", expected: "at least \(minimum)")
    }
  }

  /// The tokens that the model expected least.
  private func mistakes(
    _ perplexity: Perplexity, _ model: LanguageModel
  ) throws -> [EvaluationResult.Mistake] {
    let positions = perplexity.windows.flatMap(\.predicted)
    let worst = zip(positions, perplexity.tokenLogprobs).sorted { $0.1 < $1.1 }
      .prefix(EvaluationReport.shownMistakes)
    return try worst.map { position, logprob in
      let before = perplexity.tokens[max(0, position - Self.shownContext)..<position]
      return EvaluationResult.Mistake(
        location: "token \(position)", prompt: try model.decode(Array(before)),
        expected: try model.decode([perplexity.tokens[position]], includeSpecialTokens: true),
        found: "something else (−log p = \(Double(-logprob).rounded(to: 2)))",
        severity: -Double(logprob))
    }
  }
}
