package import GPT
internal import GPTJSON
internal import GPTTensor

/// `--choices`: which of several endings follows a context.
package struct ChoicesTask: EvaluationTask {
  package struct Item: Sendable, Equatable {
    package let location: String
    package let context: String
    package let endings: [String]
    package let label: Int
  }

  package let name = "choices"
  package let file: String
  let delimiter: String
  package let items: [Item]

  package init(file: String, delimiter: String?, limit: Int?) throws {
    self.file = file
    self.delimiter = delimiter ?? " "
    items = try EvaluationItems.read(file, limit: limit, Self.item)
  }

  private static func item(_ fields: ItemFields) throws(CommandError) -> Item {
    let endings = try fields.strings(["endings", "choices"])
    guard endings.count > 1 else {
      throw fields.failure("\(endings.count) endings", "at least 2")
    }
    if let place = endings.firstIndex(where: \.isEmpty) {
      throw fields.failure("ending \(place) that is empty", "text")
    }
    return Item(
      location: fields.location, context: try fields.string(["context", "ctx", "query"]),
      endings: endings, label: try label(fields, of: endings))
  }

  /// A place among the endings, from 0, also written as text; or the ending itself.
  private static func label(
    _ fields: ItemFields, of endings: [String]
  ) throws(CommandError) -> Int {
    let keys = ["label", "gold", "answer"]
    let expected = "a place in 0..<\(endings.count) or one of the endings"
    guard let key = fields.key(keys), let value = fields.object[key] else {
      throw fields.failure("no 'label'", "'label', 'gold' or 'answer' with \(expected)")
    }
    if let text = value.string, let place = endings.firstIndex(of: text) { return place }
    if let number = value.integer ?? value.string.flatMap({ Int($0) }) {
      guard endings.indices.contains(number) else {
        throw fields.failure("\(number) in '\(key)'", expected)
      }
      return number
    }
    let found = value.string.map { "'\($0.printable(limit: 40))'" } ?? value.kind
    throw fields.failure("\(found) in '\(key)'", expected)
  }

  package func evaluate(
    _ model: LanguageModel, progress: EvaluationProgress
  ) async throws -> EvaluationResult {
    let pairs = try items.flatMap { item in
      try item.endings.map { ending in
        try ContinuationEncoding.request(
          item.context, ending, delimiter: delimiter, model, location: item.location)
      }
    }
    let scores = try await ContinuationEncoding.scores(pairs, of: model, progress: progress)
    var start = 0
    let scored = items.map { item in
      defer { start += item.endings.count }
      return Array(scores[start..<start + item.endings.count])
    }
    return result(scored)
  }

  private func result(_ scores: [[ContinuationScore]]) -> EvaluationResult {
    var plain: [Bool] = []
    var byCharacter: [Bool] = []
    var byByte: [Bool] = []
    var logprobs: [Double] = []
    var mistakes: [EvaluationResult.Mistake] = []
    for (item, scores) in zip(items, scores) {
      let sums = scores.map(\.logprob)
      let choice = sums.indexOfLargest
      plain.append(choice == item.label)
      byCharacter.append(
        zip(sums, item.endings).map { $0 / Double($1.unicodeScalars.count) }.indexOfLargest
          == item.label)
      byByte.append(
        zip(sums, item.endings).map { $0 / Double($1.utf8.count) }.indexOfLargest == item.label)
      logprobs.append(sums[item.label])
      guard choice != item.label else { continue }
      let shares = sums.softmax
      mistakes.append(
        EvaluationResult.Mistake(
          location: item.location, prompt: item.context, expected: item.endings[item.label],
          found: item.endings[choice], severity: shares[choice],
          candidates: Array(zip(item.endings, shares))))
    }
    var result = EvaluationResult(
      metrics: [
        .share("accuracy", plain), .share("acc_norm", byCharacter), .share("acc_bytes", byByte),
        .mean("log_likelihood", logprobs),
      ],
      mistakes: mistakes)
    result.addTruncations(scores.count { $0.contains { $0.truncatedTokenCount > 0 } })
    return result
  }
}

extension [Double] {
  /// The first of the largest.
  var indexOfLargest: Int {
    indices.reduce(0) { self[$1] > self[$0] ? $1 : $0 }
  }
}
