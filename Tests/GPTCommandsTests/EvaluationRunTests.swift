import Foundation
import GPT
import GPTCommands
import GPTJSON
import TestSupport
import Testing

/// Whole tasks on tiny models.
@Suite struct EvaluationRunTests {
  private static func model(_ name: String) async throws -> LanguageModel {
    let parts = #filePath.split(separator: "/").dropLast(2)
    let path = "/" + parts.joined(separator: "/") + "/Fixtures/models/" + name
    var options = LanguageModel.LoadingOptions()
    options.precision = .fp32
    options.threadCount = 1
    return try await LanguageModel(at: path, options: options)
  }

  private func task<Task: EvaluationTask>(
    _ lines: [String], _ make: (String) throws -> Task
  ) throws -> Task {
    try withTemporaryFolder { folder in
      let path = folder + "/items.jsonl"
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
      return try make(path)
    }
  }

  private func report(
    _ task: any EvaluationTask, _ models: String...
  ) async throws -> EvaluationReport {
    var runs: [EvaluationRun] = []
    for model in models {
      runs.append(try await EvaluationRun.evaluate(task) { try await Self.model(model) })
    }
    return EvaluationReport(task: task, run: runs[0], baseline: runs.dropFirst().first)
  }

  private func choices() throws -> ChoicesTask {
    try task(
      (0..<12).map {
        #"{"context": "The \#($0) dogs", "endings": ["ran", "slept well", "sat"], "label": \#($0 % 3)}"#
      }
    ) { try ChoicesTask(file: $0, delimiter: nil, limit: nil) }
  }

  @Test func choicesAreThoseOfTheLargestLogLikelihood() async throws {
    let task = try choices()
    let model = try await Self.model("llama")
    var right = (plain: 0, normalised: 0)
    for item in task.items {
      var sums: [Double] = []
      for ending in item.endings {
        let pair = try model.encode(context: item.context, continuation: " " + ending)
        let score = try await model.scores(
          of: [ContinuationRequest(context: pair.context, continuations: [pair.continuation])])
        sums.append(score[0][0].logprob)
      }
      let normalised = zip(sums, item.endings).map { $0 / Double($1.count) }
      if sums[item.label] == sums.max() { right.plain += 1 }
      if normalised[item.label] == normalised.max() { right.normalised += 1 }
    }
    let json = try await report(task, "llama").json
    #expect(json["accuracy"]?.double == Double(right.plain) / 12)
    #expect(json["acc_norm"]?.double == Double(right.normalised) / 12)
    #expect(json["acc_bytes"]?.double == json["acc_norm"]?.double)
  }

  @Test func theKeysOfAComparisonAreStable() async throws {
    let json = try await report(try choices(), "llama", "gpt2").json
    #expect(
      json.object?.keys == [
        "task", "file", "model", "adapters", "items", "accuracy", "accuracy_standard_error",
        "acc_norm",
        "acc_norm_standard_error", "acc_bytes", "acc_bytes_standard_error", "log_likelihood",
        "log_likelihood_standard_error", "truncated_items", "seconds", "baseline", "comparison",
      ])
    let comparison = try #require(json["comparison"])
    #expect(
      comparison.object?.keys == ["accuracy", "acc_norm", "acc_bytes", "log_likelihood"])
    #expect(
      comparison["accuracy"]?.object?.keys == [
        "difference", "standard_error", "test", "p_value", "only_model_right",
        "only_baseline_right",
      ])
    #expect(comparison["log_likelihood"]?["test"] == .string("paired_normal"))
  }

  @Test func aModelComparedWithItselfDoesNotDiffer() async throws {
    let json = try await report(try choices(), "llama", "llama").json
    for name in ["accuracy", "log_likelihood"] {
      #expect(json["comparison"]?[name]?["difference"]?.double == 0)
      #expect(json["comparison"]?[name]?["p_value"]?.double == 1)
    }
  }

  @Test func classesAreCountedAndMistakesShown() async throws {
    let lines = (0..<9).map {
      #"{"prompt": "Is <b>\#($0)</b> odd?", "completion": " \#($0 % 2 == 0 ? "no" : "yes")"}"#
    }
    let task = try self.task(lines) {
      try ClassifyTask(file: $0, options: ClassifyTask.Options(), limit: nil)
    }
    let report = try await report(task, "gpt2")
    let counts = try #require(report.json["confusion"]?.array).map {
      ($0.array ?? []).compactMap(\.integer)
    }
    #expect(counts.map { $0.reduce(0, +) } == [5, 4])
    #expect(report.json["accuracy"]?.double == Double(counts[0][0] + counts[1][1]) / 9)
    #expect(report.json["majority_share"]?.double == 5.0 / 9)
    let mistakes = counts[0][1] + counts[1][0]
    #expect(mistakes > 0)
    #expect(report.page.components(separatedBy: "<details").count == mistakes + 1)
    #expect(report.page.contains("Is &lt;b&gt;"))
    #expect(!report.page.contains("<b>0"))
  }

  @Test func exactMatchIsOfTheGreedyText() async throws {
    let model = try await Self.model("llama")
    var options = GenerationOptions.greedy
    options.maximumTokens = 4
    let text = try await model.generate(prompt: "The dog", options: options).text
    let answer = JSONValue.string(text).encoded()
    let lines = [
      #"{"prompt": "The dog", "answer": \#(answer)}"#, #"{"prompt": "The dog", "answer": "no"}"#,
    ]
    var taskOptions = GenerateTask.Options()
    taskOptions.maximumTokens = 4
    let task = try self.task(lines) {
      try GenerateTask(file: $0, options: taskOptions, limit: nil)
    }
    let json = try await report(task, "llama").json
    #expect(json["exact_match"]?.double == 0.5)
    #expect(json["unfinished_items"]?.integer == 2)
  }

  @Test func clozeAccuracyIsOfGreedyTargets() async throws {
    let model = try await Self.model("llama")
    var options = GenerationOptions.greedy
    options.maximumTokens = 1
    let tokens = try await model.generate(prompt: "The dog", options: options).tokens
    let target = JSONValue.string(try model.decode(tokens.map(\.id))).encoded()
    let task = try self.task([
      #"{"context": "The dog", "target": \#(target)}"#, #"{"context": "The dog", "target": "zz"}"#,
    ]) { try ClozeTask(file: $0, delimiter: "", limit: nil) }
    let json = try await report(task, "llama").json
    #expect(json["accuracy"]?.double == 0.5)
    let mean = try #require(json["log_likelihood"]?.double)
    let perplexity = try #require(json["perplexity"]?.double)
    #expect(abs(log(perplexity) + mean) < 1e-9)
  }

  @Test func textsGiveTheTablesAndKeysOfPerplexity() async throws {
    let text = String(repeating: "The quick brown fox. ", count: 9)
    let report = try await withText(text) { path in
      var options = PerplexityOptions()
      options.windowLength = 32
      return try await self.report(try TextTask(file: path, options: options), "llama", "llama")
    }
    let keys = [
      "model", "adapters", "perplexity", "perplexity_standard_error", "bits_per_byte",
      "nats_per_token",
      "nats_per_token_standard_error", "counting", "windows", "tokens", "predicted_tokens",
      "predicted_bytes", "negative_log_likelihood", "seconds",
    ]
    #expect(report.json["baseline"]?.object?.keys == keys)
    #expect(report.json.object?.keys == ["task", "file"] + keys + ["baseline", "comparison"])
    #expect(report.json["comparison"]?.object?.keys == ["nats_per_token"])
    #expect(report.lines.count == 4)
    #expect(Set(report.lines.map(\.count)).count == 1)
  }

  private func withText(
    _ text: String, _ body: (String) async throws -> EvaluationReport
  ) async throws -> EvaluationReport {
    let path = FileManager.default.temporaryDirectory.path + "/gpt-test-\(UUID().uuidString)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
  }
}
