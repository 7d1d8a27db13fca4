package import GPT
internal import GPTJSON
internal import GPTTensor
import Glibc

/// `--classify`: which label the model gives a text.
package struct ClassifyTask: EvaluationTask {
  package struct Options: Sendable {
    /// Text with `{text}` for that of a line.
    package var prompt: String?
    /// nil takes those of the file.
    package var labels: [String]?
    package var delimiter: String?
    package var isNormalised = false
    package var usesTemplate = true
    package init() {}
  }

  package struct Item: Sendable, Equatable {
    package let location: String
    package let prompt: ItemPrompt
    /// A place among the labels.
    package let label: Int
    /// Whether the label follows its prompt as it is written, as in training.
    package let isCompletion: Bool
  }

  package let name = "classify"
  package let file: String
  package let labels: [String]
  package let items: [Item]
  private let options: Options

  package init(file: String, options: Options, limit: Int?) throws {
    self.file = file
    self.options = options
    let given = options.labels
    // Labels are those of the whole file, so that a limit does not change what is asked.
    let records = try EvaluationItems.read(file) { fields throws(CommandError) in
      try ClassifyRecord(fields, template: options.prompt)
    }
    let labels = try Self.labels(of: records, given: given, file: file)
    self.labels = labels
    items = try records.prefix(limit ?? .max).map { record in
      Item(
        location: record.location, prompt: record.prompt,
        label: try record.place(among: labels, areGiven: given != nil),
        isCompletion: record.isCompletion)
    }
  }

  /// More classes are no classes but free text.
  private static let labelLimit = 1000

  private static func labels(
    of records: [ClassifyRecord], given: [String]?, file: String
  ) throws(CommandError) -> [String] {
    var labels: [String] = []
    for label in given ?? records.map(\.label) where !labels.contains(label) {
      labels.append(label)
      guard labels.count <= labelLimit else { break }
    }
    guard (2...labelLimit).contains(labels.count) else {
      let found = labels.count > labelLimit ? "more than \(labelLimit)" : "\(labels.count)"
      throw .invalid(
        location: given == nil ? file : "--labels", found: "\(found) different labels",
        expected: "2 to \(labelLimit)")
    }
    return labels
  }

  package func evaluate(
    _ model: LanguageModel, progress: EvaluationProgress
  ) async throws -> EvaluationResult {
    let scores = try await model.scores(of: try requests(for: model)) {
      progress($0, of: items.count)
    }
    return result(scores)
  }

  /// What is asked: for each item its prompt with all labels.
  package func requests(for model: LanguageModel) throws -> [ContinuationRequest] {
    let encoder = try PromptEncoder(model, usesTemplate: options.usesTemplate)
    return try items.map { item in
      let context = try encoder.tokens(of: item.prompt, location: item.location)
      guard !context.isEmpty else {
        throw CommandError.invalid(
          location: item.location, found: "a prompt without tokens", expected: "text")
      }
      return ContinuationRequest(
        context: context,
        continuations: try continuations(for: item, behind: context, encoder, model))
    }
  }

  /// The labels as they follow the item's prompt, encoded as answers are when a model is trained.
  private func continuations(
    for item: Item, behind context: [Int32], _ encoder: PromptEncoder, _ model: LanguageModel
  ) throws -> [[Int32]] {
    let usual = encoder.hasTemplate || item.isCompletion ? "" : " "
    let isApart = item.prompt.text.unicodeScalars.last?.properties.isWhitespace ?? true
    return try labels.map { label in
      let startsApart = label.unicodeScalars.first?.properties.isWhitespace ?? true
      let space = isApart || startsApart ? "" : options.delimiter ?? usual
      let tokens = try model.encode(space + label, after: context)
      try ContinuationEncoding.check(tokens, model, location: item.location)
      return tokens
    }
  }

  private func result(_ scores: [[ContinuationScore]]) -> EvaluationResult {
    var confusion = ConfusionTable(labels: labels)
    var isRight: [Bool] = []
    var logprobs: [Double] = []
    var mistakes: [EvaluationResult.Mistake] = []
    for (item, scores) in zip(items, scores) {
      let sums = zip(scores, labels).map { score, label in
        options.isNormalised ? score.logprob / Double(label.utf8.count) : score.logprob
      }
      let choice = sums.indexOfLargest
      let shares = sums.softmax
      confusion.add(expected: item.label, predicted: choice)
      isRight.append(choice == item.label)
      // Below the smallest double a share is 0, which has no logarithm.
      logprobs.append(log(max(shares[item.label], .leastNonzeroMagnitude)))
      guard choice != item.label else { continue }
      mistakes.append(
        EvaluationResult.Mistake(
          location: item.location, prompt: item.prompt.text, expected: labels[item.label],
          found: labels[choice], severity: shares[choice],
          candidates: Array(zip(labels, shares))))
    }
    let f1 = labels.indices.compactMap { confusion.f1($0) }
    let majority = labels.indices.map { confusion.support($0) }.max() ?? 0
    var result = EvaluationResult(
      metrics: [
        .share("accuracy", isRight),
        EvaluationResult.Metric(name: "macro_f1", value: SampleMean(of: f1).mean),
        .mean("label_log_likelihood", logprobs),
      ],
      members: [
        ("majority_share", .number(Double(majority) / Double(items.count))),
        ("labels", .array(labels.map { .string($0) })),
        ("confusion", .array(confusion.counts.map { .array($0.map { .integer($0) }) })),
        ("classes", .array(labels.indices.map { confusion.json($0) })),
      ],
      confusion: confusion, mistakes: mistakes)
    result.addTruncations(scores.count { $0.contains { $0.truncatedTokenCount > 0 } })
    return result
  }
}

extension ConfusionTable {
  fileprivate func json(_ label: Int) -> JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    return JSONValue(members: [
      ("label", .string(labels[label])), ("items", .integer(support(label))),
      ("precision", number(precision(label))), ("recall", number(recall(label))),
      ("f1", number(f1(label))),
    ])
  }
}
