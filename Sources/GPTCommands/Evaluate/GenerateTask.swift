package import GPT
internal import GPTJSON
import Glibc
import Synchronization

/// `--generate`: is the answer that the model writes the expected one?
package struct GenerateTask: EvaluationTask {
  package struct Item: Sendable, Equatable {
    package let location: String
    package let prompt: ItemPrompt
    package let answers: [String]
  }

  package struct Options: Sendable {
    package var answerPattern: String?
    package var ignoresCase = false
    package var usesTemplate = true
    package var maximumTokens = 256
    package var stopStrings: [String] = []
    package init() {}
  }

  package let name = "generate"
  package let file: String
  package let items: [Item]
  private let options: Options
  private let comparison: AnswerComparison

  package init(file: String, options: Options, limit: Int?) throws {
    self.file = file
    self.options = options
    comparison = try AnswerComparison(
      pattern: options.answerPattern, ignoresCase: options.ignoresCase)
    items = try EvaluationItems.read(file, limit: limit, Self.item)
  }

  private static func item(_ fields: ItemFields) throws(CommandError) -> Item {
    let prompt: ItemPrompt =
      fields.object["messages"] == nil
      ? .text(try fields.string(["prompt", "question"]))
      : .messages(try fields.messages("messages"))
    return Item(
      location: fields.location, prompt: prompt, answers: try answers(fields))
  }

  private static func answers(_ fields: ItemFields) throws(CommandError) -> [String] {
    let answers: [String] =
      switch fields.object["answer"] {
      case .string(let text)?: [text]
      case .integer(let number)?: [String(number)]
      case .number(let number)?: ["\(number)"]
      case nil: throw fields.failure("no 'answer'", "'answer' with a string, a number or a list")
      default: try fields.strings(["answer"])
      }
    guard !answers.isEmpty else { throw fields.failure("no answers in 'answer'", "at least one") }
    return answers
  }

  package func evaluate(
    _ model: LanguageModel, progress: EvaluationProgress
  ) async throws -> EvaluationResult {
    let encoder = try PromptEncoder(model, usesTemplate: options.usesTemplate)
    let context = model.information.contextLength
    // Room for the answer, but never more than half of what the model sees.
    let limit = context - min(options.maximumTokens, context / 2)
    let prompts = try items.map { try encoder.tokens(of: $0.prompt, location: $0.location) }
    var generation = GenerationOptions.greedy
    generation.maximumTokens = options.maximumTokens
    generation.stopStrings = options.stopStrings
    generation.topLogprobs = 0
    let outcomes = Mutex<[Outcome]>([])
    try await model.generate(
      promptTokens: prompts.map { Array($0.suffix(limit)) }, options: generation
    ) { index, generation in
      outcomes.withLock { $0.append(outcome(of: generation, for: items[index])) }
      progress(index + 1, of: items.count)
    }
    return result(outcomes.withLock { $0 }, truncated: prompts.count { $0.count > limit })
  }

  private struct Outcome {
    let text: String
    let answer: String?
    let isRight: Bool
    /// Geometric mean of the tokens' probabilities.
    let confidence: Double
    let isUnfinished: Bool
  }

  private func outcome(of generation: Generation, for item: Item) -> Outcome {
    let answer = comparison.answer(in: generation.text)
    let logprobs = generation.tokens.compactMap(\.logprob).map { Double($0) }
    return Outcome(
      text: generation.text, answer: answer,
      isRight: answer.map { comparison.isRight($0, expected: item.answers) } ?? false,
      confidence: logprobs.isEmpty ? 0 : exp(SampleMean(of: logprobs).mean),
      isUnfinished: generation.finishReason == .maximumTokens
        || generation.finishReason == .contextFull)
  }

  private func result(_ outcomes: [Outcome], truncated: Int) -> EvaluationResult {
    var result = EvaluationResult(
      metrics: [.share("exact_match", outcomes.map(\.isRight))],
      members: [
        ("answers_not_found", .integer(outcomes.count { $0.answer == nil })),
        ("unfinished_items", .integer(outcomes.count(where: \.isUnfinished))),
      ])
    for (item, outcome) in zip(items, outcomes) where !outcome.isRight {
      let answer = outcome.answer.map { $0 == outcome.text ? $0 : "\($0)\n\n\(outcome.text)" }
      result.mistakes.append(
        EvaluationResult.Mistake(
          location: item.location, prompt: item.prompt.text,
          expected: item.answers.joined(separator: " | "),
          found: answer ?? "(no answer)\n\n\(outcome.text)", severity: outcome.confidence))
    }
    result.addTruncations(truncated)
    return result
  }
}

/// Takes the answer out of a text and compares it.
package struct AnswerComparison: Sendable {
  private let pattern: String?
  private let ignoresCase: Bool

  package init(pattern: String?, ignoresCase: Bool) throws(CommandError) {
    self.pattern = pattern
    self.ignoresCase = ignoresCase
    guard let pattern else { return }
    do { _ = try Regex(pattern) } catch {
      throw .invalid(
        location: "--answer-pattern", found: "'\(Escaping.line(pattern))'",
        expected: "a regular expression")
    }
  }

  /// What the first match's first group says, or the whole match without groups; without a
  /// pattern the text itself. nil when nothing matches.
  package func answer(in text: String) -> String? {
    guard let pattern else { return text }
    guard let expression = try? Regex(pattern), let match = text.firstMatch(of: expression) else {
      return nil
    }
    let groups = match.output.dropFirst().compactMap(\.substring)
    return groups.first.map { String($0) } ?? match.output.first?.substring.map { String($0) }
  }

  /// Equal to one of `expected`, from which the answer is taken as from a text where it has one;
  /// white space at the ends does not count.
  package func isRight(_ answer: String, expected: [String]) -> Bool {
    let found = normalised(answer)
    return expected.contains { normalised(self.answer(in: $0) ?? $0) == found }
  }

  private func normalised(_ text: String) -> String {
    let trimmed = text.trimmingSpaces
    return ignoresCase ? trimmed.lowercased() : trimmed
  }
}
