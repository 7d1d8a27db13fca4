internal import GPTTraining

/// Lines about the examples, before they are trained on.
struct FinetuneDataReport {
  private let summary: FinetuneSummary
  private let unit: String

  private static let barWidth = 40

  init(_ summary: FinetuneSummary, method: FinetuneMethod) {
    self.summary = summary
    unit = method == .dpo ? "pairs" : "examples"
  }

  var lines: [String] { sides + histogram + losses }

  private var sides: [String] {
    var lines = [
      "\(summary.training.examples) \(unit) to train on: \(summary.training.tokens) tokens in "
        + "\(summary.training.rows) rows, \(summary.training.trainedTokens) of them to be learned"
    ]
    if summary.validation.examples > 0 {
      lines.append(
        "\(summary.validation.examples) \(unit) for validation: "
          + "\(summary.validation.tokens) tokens in \(summary.validation.rows) rows")
    } else {
      lines.append("none for validation: the last model is kept, not the best")
    }
    return lines
  }

  /// Lengths in tokens, a bar a bin.
  private var histogram: [String] {
    let most = max(1, summary.lengths.map(\.count).max() ?? 1)
    return ["lengths in tokens (the longest has \(summary.longest)):"]
      + summary.lengths.filter { $0.count > 0 }.map { bin in
        let range = bin.maximum.map { "\(bin.minimum)–\($0)" } ?? "from \(bin.minimum)"
        let width = max(
          1, Int((Double(Self.barWidth) * Double(bin.count) / Double(most)).rounded()))
        return "  " + padded(range, 12) + padded("\(bin.count)", 7)
          + String(repeating: "▇", count: width)
      }
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// What is not trained on as it stands in the file.
  private var losses: [String] {
    var lines: [String] = []
    if summary.truncated > 0 {
      lines.append(
        "\(summary.truncated) \(unit) are cut to fit (--context-length; their prompts lose their "
          + "beginnings first)")
    }
    if summary.divided > 0 { lines.append("\(summary.divided) texts are divided into rows") }
    if summary.dropped > 0 {
      lines.append("\(summary.dropped) \(unit) are left out: nothing in them is to be learned")
    }
    if summary.leaked > 0 {
      lines.append("\(summary.leaked) \(unit) of the validation file are also trained on")
    }
    if summary.bad > 0 {
      lines.append("\(summary.bad) lines are left out (--skip-bad):")
      lines += summary.badMessages.map { "  \($0)" }
    }
    return lines
  }
}
