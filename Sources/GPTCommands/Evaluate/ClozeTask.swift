package import GPT
internal import GPTJSON
import Glibc

/// `--cloze`: how a context goes on, as LAMBADA asks.
///
/// - Source: Paperno et al. 2016, arXiv:1606.06031; lm-evaluation-harness, tasks/lambada
package struct ClozeTask: EvaluationTask {
  package struct Item: Sendable, Equatable {
    package let location: String
    package let context: String
    package let target: String
  }

  package let name = "cloze"
  package let file: String
  let delimiter: String
  package let items: [Item]

  package init(file: String, delimiter: String?, limit: Int?) throws {
    self.file = file
    self.delimiter = delimiter ?? " "
    items = try EvaluationItems.read(file, limit: limit, Self.item)
  }

  private static func item(_ fields: ItemFields) throws(CommandError) -> Item {
    if fields.key(["context", "target"]) == nil, fields.object["text"] != nil {
      let text = try fields.string(["text"])
      guard let space = text.lastIndex(of: " "), text.index(after: space) < text.endIndex else {
        throw fields.failure("a 'text' of one word", "words, the last of which is the target")
      }
      return Item(
        location: fields.location, context: String(text[..<space]),
        target: String(text[text.index(after: space)...]))
    }
    let target = try fields.string(["target"])
    guard !target.isEmpty else { throw fields.failure("an empty 'target'", "text") }
    return Item(
      location: fields.location, context: try fields.string(["context"]), target: target)
  }

  package func evaluate(
    _ model: LanguageModel, progress: EvaluationProgress
  ) async throws -> EvaluationResult {
    let requests = try items.map { item in
      try ContinuationEncoding.request(
        item.context, item.target, delimiter: delimiter, model, location: item.location)
    }
    let scores = try await ContinuationEncoding.scores(requests, of: model, progress: progress)
    let logprobs = EvaluationResult.Metric.mean("log_likelihood", scores.map(\.logprob))
    let perplexity = exp(-logprobs.value)
    var result = EvaluationResult(
      metrics: [
        .share("accuracy", scores.map(\.isGreedy)),
        EvaluationResult.Metric(
          name: "perplexity", value: perplexity,
          standardError: logprobs.standardError.map { $0 * perplexity }),
        logprobs,
      ])
    for (item, score) in zip(items, scores) where !score.isGreedy {
      result.mistakes.append(
        EvaluationResult.Mistake(
          location: item.location, prompt: item.context, expected: item.target,
          found: "something else (−log p = \((-score.logprob).rounded(to: 2)))",
          severity: -score.logprob))
    }
    result.addTruncations(scores.count { $0.truncatedTokenCount > 0 })
    return result
  }
}
