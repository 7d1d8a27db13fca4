internal import GPT
internal import GPTTraining

extension EvaluationReport {
  /// The page of `--report`: the figures and the worst mistakes, the most confident ones first, in
  /// one file that needs nothing else.
  package var page: String {
    let sorted = run.result.mistakes.sorted { $0.severity > $1.severity }
    let shown = sorted.prefix(Self.shownMistakes)
    let count = run.result.mistakes.count
    let status =
      "<b>\(task.name.markup)</b> · \(run.name.markup) · "
      + (shown.count < count ? "\(shown.count) of \(count) mistakes" : "\(count) mistakes")
    let mistakes = shown.enumerated().map { index, mistake in
      mistake.section(isOpen: index == 0)
    }
    return reportDocument(
      title: task.file, status: status,
      body: "<h2>Figures</h2>\n" + figures.markup
        + (run.result.confusion.map { "<h2>True label by predicted</h2>\n" + $0.table.markup } ?? "")
        + "<h2>Mistakes</h2>\n" + mistakes.joined())
  }

  private var figures: TextTable {
    var table = TextTable()
    table.add(["", run.name] + (baseline.map { [$0.name, "difference"] } ?? []))
    let compared = comparisons
    for metric in run.result.metrics {
      var cells = [metric.title, metric.text]
      if let baseline {
        cells.append(baseline.result.metrics.first { $0.name == metric.name }?.text ?? "–")
        cells.append(compared.first { $0.name == metric.name }?.text ?? "")
      }
      table.add(cells)
    }
    return table
  }
}

extension EvaluationResult.Mistake {
  fileprivate func section(isOpen: Bool) -> String {
    let title = "\(location): expected \(expected.shortened), found \(found.shortened)"
    let rows = candidates.map { candidate in
      "<tr><th>\(candidate.text.markup)</th>"
        + "<td>\(candidate.probability.rounded(to: 4))</td></tr>\n"
    }
    let table = rows.isEmpty ? "" : "<table>\n<tbody>\n\(rows.joined())</tbody>\n</table>\n"
    return """
      <details\(isOpen ? " open=\"open\"" : "")>
      <summary>\(title.markup)</summary>
      <pre>\(prompt.markup)</pre>
      <table>
      <tbody>
      <tr><th>expected</th><td>\(expected.markup)</td></tr>
      <tr><th>found</th><td>\(found.markup)</td></tr>
      </tbody>
      </table>
      \(table)</details>

      """
  }
}

extension TextTable {
  fileprivate var markup: String {
    let rows = rows.map { row in
      let cells = row.enumerated().map { column, cell in
        column == 0 ? "<th>\(cell.markup)</th>" : "<td>\(cell.markup)</td>"
      }
      return "<tr>\(cells.joined())</tr>\n"
    }
    return "<table>\n<tbody>\n\(rows.joined())</tbody>\n</table>\n"
  }
}

extension String {
  /// The beginning, on one line.
  fileprivate var shortened: String {
    let line = Escaping.line(self)
    return line.count > 60 ? "“\(line.prefix(60))…”" : "“\(line)”"
  }
}
