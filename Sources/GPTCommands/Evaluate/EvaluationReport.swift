internal import GPT
package import GPTJSON
internal import GPTTraining

/// What a task came to with one model, or with two of them.
package struct EvaluationReport {
  /// Mistakes on the page.
  static let shownMistakes = 100

  let task: any EvaluationTask
  let run: EvaluationRun
  let baseline: EvaluationRun?

  package init(task: any EvaluationTask, run: EvaluationRun, baseline: EvaluationRun?) {
    self.task = task
    self.run = run
    self.baseline = baseline
  }

  /// A figure of both models on the same items.
  struct Comparison {
    let name: String
    let difference: PairedDifference
    /// For shares of right items.
    let mcNemar: McNemarTest?

    var pValue: Double { mcNemar?.pValue ?? difference.pValue }
  }

  var comparisons: [Comparison] {
    guard let baseline else { return [] }
    return run.result.metrics.compactMap { metric in
      guard let other = baseline.result.metrics.first(where: { $0.name == metric.name }),
        // Other tokenizers divide a text into other items.
        !metric.items.isEmpty, metric.items.count == other.items.count
      else { return nil }
      let pairs = zip(metric.items, other.items)
      return Comparison(
        name: metric.name, difference: PairedDifference(of: pairs),
        mcNemar: metric.isShare ? McNemarTest(of: pairs.lazy.map { ($0 > 0.5, $1 > 0.5) }) : nil)
    }
  }
}

extension EvaluationReport {
  /// Keys: `task`, `file`, then the members of the model's run; `baseline` with those of the other
  /// model's, `comparison` with a member for each figure that was compared.
  package var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("task", .string(task.name)), ("file", .string(task.file)),
    ]
    members += run.members
    if let baseline {
      members.append(("baseline", JSONValue(members: baseline.members)))
      members.append(
        ("comparison", JSONValue(members: comparisons.map { ($0.name, $0.json) })))
    }
    return JSONValue(members: members)
  }

  /// The table for the terminal.
  package var lines: [String] {
    let compared = comparisons
    var table = TextTable()
    if let baseline { table.add(["", run.name, baseline.name, "difference"]) }
    for metric in run.result.metrics {
      var cells = [metric.title, metric.text]
      if let baseline {
        let other = baseline.result.metrics.first { $0.name == metric.name }
        cells.append(other?.text ?? "–")
        cells.append(compared.first { $0.name == metric.name }?.text ?? "")
      }
      table.add(cells)
    }
    var lines = table.lines
    for (model, result) in [(run.name, run.result)]
      + (baseline.map { [($0.name, $0.result)] } ?? [])
    {
      if let confusion = result.confusion {
        lines += ["", baseline == nil ? "true label by predicted" : "\(model): true by predicted"]
        lines += confusion.table.lines
      }
      lines += result.notes.map { baseline == nil ? $0 : "\(model): \($0)" }
    }
    return lines
  }
}

extension EvaluationRun {
  fileprivate var members: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [
      ("model", .string(model)), ("adapters", .array(adapters.map { .string($0.path) })),
    ]
    if let count = result.metrics.first(where: \.isShare)?.items.count {
      members.append(("items", .integer(count)))
    }
    for metric in result.metrics {
      members.append((metric.name, .number(metric.value)))
      if let error = metric.standardError {
        members.append(("\(metric.name)_standard_error", .number(error)))
      }
    }
    return members + result.members + [("seconds", .number(seconds))]
  }
}

extension EvaluationReport.Comparison {
  fileprivate var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("difference", .number(difference.difference)),
      ("standard_error", .number(difference.standardError)),
      ("test", .string(mcNemar == nil ? "paired_normal" : "mcnemar_exact")),
      ("p_value", .number(pValue)),
    ]
    if let mcNemar {
      members.append(("only_model_right", .integer(mcNemar.onlyFirst)))
      members.append(("only_baseline_right", .integer(mcNemar.onlySecond)))
    }
    return JSONValue(members: members)
  }

  /// "+0.0312 ± 0.0041, p = 2.1e-14"
  var text: String {
    let sign = difference.difference > 0 ? "+" : ""
    return "\(sign)\(difference.difference.rounded(to: 4)) "
      + "± \(difference.standardError.rounded(to: 4)), p = \(significantText(pValue, digits: 2))"
  }
}

extension EvaluationResult.Metric {
  var title: String { name.replacing("_", with: " ") }

  /// "0.8731 ± 0.0035"
  var text: String {
    guard let standardError, standardError.isFinite else { return value.rounded(to: 4) }
    return "\(value.rounded(to: 4)) ± \(standardError.rounded(to: 4))"
  }
}

extension ConfusionTable {
  /// A row for each class: how often it was taken for which, then its figures.
  var table: TextTable {
    var table = TextTable()
    table.add([""] + labels + ["precision", "recall", "F1"])
    for label in labels.indices {
      let figures = [precision(label), recall(label), f1(label)]
      table.add(
        [labels[label]] + counts[label].map { "\($0)" }
          + figures.map { $0?.rounded(to: 3) ?? "–" })
    }
    return table
  }
}
