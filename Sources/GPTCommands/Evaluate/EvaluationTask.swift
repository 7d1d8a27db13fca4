package import GPT
package import GPTJSON

/// Something that a model can be better or worse at.
package protocol EvaluationTask: Sendable {
  /// The name of the option that chooses it.
  var name: String { get }
  var file: String { get }

  func evaluate(
    _ model: LanguageModel, progress: EvaluationProgress
  ) async throws -> EvaluationResult
}

/// What a model came to.
package struct EvaluationResult: Sendable {
  /// One figure.
  package struct Metric: Sendable {
    /// Key in JSON; the table has spaces for its underscores.
    package let name: String
    package let value: Double
    /// nil for figures that have none.
    package var standardError: Double?
    /// What the figure is the mean of, in the order of the file; compared pair by pair.
    package var items: [Double] = []
    /// Whether items are 0 (wrong) or 1 (right).
    package var isShare = false
  }

  /// An item that the model got wrong.
  package struct Mistake: Sendable {
    /// File and line.
    package let location: String
    package let prompt: String
    package let expected: String
    package let found: String
    /// How sure the model was, or how far it was off: the largest come first.
    package let severity: Double
    /// The answers it could choose from, with their probabilities.
    package var candidates: [(text: String, probability: Double)] = []
  }

  /// The first is what the task is about.
  package var metrics: [Metric]
  /// Further members of the JSON object.
  package var members: [(String, JSONValue)] = []
  package var confusion: ConfusionTable?
  package var mistakes: [Mistake] = []
  /// Lines for people.
  package var notes: [String] = []
}

extension EvaluationResult.Metric {
  /// A share of right items.
  static func share(_ name: String, _ isRight: [Bool]) -> Self {
    mean(name, isRight.map { $0 ? 1 : 0 }, isShare: true)
  }

  static func mean(_ name: String, _ items: [Double], isShare: Bool = false) -> Self {
    let sample = SampleMean(of: items)
    return Self(
      name: name, value: sample.mean, standardError: sample.standardError, items: items,
      isShare: isShare)
  }
}

extension EvaluationResult {
  /// Tells of contexts that lost their beginning.
  mutating func addTruncations(_ count: Int) {
    members.append(("truncated_items", .integer(count)))
    if count > 0 {
      notes.append("\(count) contexts did not fit into the model's and lost their beginning")
    }
  }
}

/// How far an evaluation is, told from whatever thread it runs on.
package final class EvaluationProgress: Sendable {
  private let show: @Sendable (Int, Int) -> Void

  package init(show: @escaping @Sendable (Int, Int) -> Void) { self.show = show }

  func callAsFunction(_ done: Int, of total: Int) { show(done, total) }
}
