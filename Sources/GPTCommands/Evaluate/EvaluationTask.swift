internal import GPT
internal import GPTJSON

/// Something that a model can be better or worse at.
protocol EvaluationTask: Sendable {
  /// The name of the option that chooses it.
  var name: String { get }
  var file: String { get }

  func evaluate(
    _ model: LanguageModel, progress: EvaluationProgress
  ) async throws -> EvaluationResult
}

/// What a model came to.
struct EvaluationResult: Sendable {
  /// One figure.
  struct Metric: Sendable {
    /// Key in JSON; the table has spaces for its underscores.
    let name: String
    let value: Double
    /// nil for figures that have none.
    var standardError: Double?
    /// What the figure is the mean of, in the order of the file; compared pair by pair.
    var items: [Double] = []
    /// Whether items are 0 (wrong) or 1 (right).
    var isShare = false
  }

  /// An item that the model got wrong.
  struct Mistake: Sendable {
    /// File and line.
    let location: String
    let prompt: String
    let expected: String
    let found: String
    /// How sure the model was, or how far it was off: the largest come first.
    let severity: Double
    /// The answers it could choose from, with their probabilities.
    var candidates: [(text: String, probability: Double)] = []
  }

  /// The first is what the task is about.
  var metrics: [Metric]
  /// Further members of the JSON object.
  var members: [(String, JSONValue)] = []
  var confusion: ConfusionTable?
  var mistakes: [Mistake] = []
  /// Lines for people.
  var notes: [String] = []
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
final class EvaluationProgress: Sendable {
  private let show: @Sendable (Int, Int) -> Void

  init(show: @escaping @Sendable (Int, Int) -> Void) { self.show = show }

  func callAsFunction(_ done: Int, of total: Int) { show(done, total) }
}
