/// What a report tells about a run.
package struct ReportInput: Sendable {
  package var title: String
  /// Rows of the table: options, model, corpus, best validation loss, time, …
  package var facts: [(String, String)]
  package var records: [MetricsRecord]
  /// By ascending step.
  package var samples: [(step: Int, text: String)]
  package var status: Status

  package enum Status: Sendable, Equatable {
    case running, finished
    /// Saved, and can be gone on with.
    case interrupted
    /// With the error.
    case failed(String)
  }

  package init(
    title: String, facts: [(String, String)], records: [MetricsRecord],
    samples: [(step: Int, text: String)], status: Status
  ) {
    self.title = title
    self.facts = facts
    self.records = records
    self.samples = samples
    self.status = status
  }
}

/// The page `report.html`: curves, samples and facts of a training run, in one file that needs
/// nothing else. While the run goes on, an open page reloads itself.
package func renderReport(_ input: ReportInput) -> String {
  let records = latestRecords(input.records)
  return reportDocument(
    title: input.title, status: statusLine(records, input.status),
    body: """
      <div class="charts">
      \(lossFigure(records))\(smallFigures(records).joined())</div>
      \(sampleSection(input.samples))\(factSection(input.facts))
      """,
    reloadSeconds: input.status == .running ? 30 : nil)
}

private func statusLine(_ records: [MetricsRecord], _ status: ReportInput.Status) -> String {
  let (word, error): (String, String?) =
    switch status {
    case .running: ("Running", nil)
    case .finished: ("Finished", nil)
    case .interrupted: ("Interrupted", nil)
    case .failed(let error): ("Failed", error)
    }
  var parts = ["<b>\(word)</b>"]
  if let last = records.last {
    parts.append("step \(last.step)")
    if last.tokens != nil { parts.append("\(significantText(last.tokens)) tokens") }
  }
  if let error { parts.append(error.markup) }
  return parts.joined(separator: " · ")
}

private func lossFigure(_ records: [MetricsRecord]) -> String {
  let training = curvePoints(records, \.loss)
  let validation = curvePoints(records, \.validationLoss)
  var keys: [String] = []
  if let last = smoothed(training, radius: smoothingRadius(training)).last {
    keys.append("<span class=\"key main\">training \(significantText(last.value))</span>")
  }
  if let last = validation.last, let best = validation.min(by: { $0.value < $1.value }) {
    keys.append(
      """
      <span class="key second">validation \(significantText(last.value)), lowest \
      \(significantText(best.value)) at step \(best.step)</span>
      """)
  }
  let chart = Chart(
    label: "Loss over steps",
    lines: noisyLines(training)
      + [ChartLine(style: "second", points: validation, showsPoints: true)],
    width: 960, height: 320)
  return figure(
    "Loss", note: "nats per token" + keys.joined(), chart: chart, isWide: true)
}

private func smallFigures(_ records: [MetricsRecord]) -> [String] {
  let rates = curvePoints(records, \.learningRate)
  let norms = curvePoints(records, \.gradientNorm)
  let speeds = curvePoints(records, \.tokensPerSecond)
  let utilisation = records.last { $0.modelFlopsUtilisation?.isFinite == true }?
    .modelFlopsUtilisation.map { ", \(significantText($0 * 100, digits: 2)) % of peak" }
  return [
    figure(
      "Learning rate", note: significantText(rates.last?.value),
      chart: Chart(
        label: "Learning rate over steps", lines: [ChartLine(style: "main", points: rates)],
        startsAtZero: true)),
    figure(
      "Gradient norm", note: significantText(norms.last?.value, digits: 3),
      chart: Chart(
        label: "Gradient norm over steps", lines: noisyLines(norms), startsAtZero: true)),
    figure(
      "Throughput",
      note: "\(significantText(speeds.last?.value, digits: 3)) tokens/s" + (utilisation ?? ""),
      chart: Chart(
        label: "Tokens per second over steps", lines: noisyLines(speeds), startsAtZero: true)),
  ]
}

/// The measurements in the background and their moving average before them; few are shown as they
/// are.
private func noisyLines(_ points: [CurvePoint]) -> [ChartLine] {
  let radius = smoothingRadius(points)
  guard radius > 0 else { return [ChartLine(style: "main", points: points)] }
  return [
    ChartLine(style: "raw", points: points),
    ChartLine(style: "main", points: smoothed(points, radius: radius)),
  ]
}

/// A hundredth of the curve on either side: steady enough to read, short enough to follow a turn.
/// The bound keeps the work of a long run small.
private func smoothingRadius(_ points: [CurvePoint]) -> Int {
  min(100, points.count / 100)
}

private func figure(_ title: String, note: String, chart: Chart, isWide: Bool = false) -> String {
  let drawing = chart.svg
  return """
    <figure\(isWide ? " class=\"wide\"" : "")>
    <figcaption><strong>\(title)</strong> <span>\(drawing == nil ? "" : note)</span></figcaption>
    \(drawing ?? "<p class=\"empty\">Nothing measured yet.</p>")
    </figure>

    """
}

/// The newest sample first and open. Of many, forty from the whole run.
private func sampleSection(_ samples: [(step: Int, text: String)]) -> String {
  guard !samples.isEmpty else { return "" }
  let limit = 40
  let shown =
    samples.count <= limit
    ? samples : (1...limit).map { samples[samples.count * $0 / limit - 1] }
  let items = shown.reversed().enumerated().map { index, sample in
    """
    <details\(index == 0 ? " open=\"open\"" : "")>
    <summary>Step \(sample.step)</summary>
    <pre>\(sample.text.markup)</pre>
    </details>

    """
  }
  return "<h2>Samples</h2>\n" + items.joined()
}

private func factSection(_ facts: [(String, String)]) -> String {
  guard !facts.isEmpty else { return "" }
  let rows = facts.map { "<tr><th>\($0.0.markup)</th><td>\($0.1.markup)</td></tr>\n" }
  return "<h2>The run</h2>\n<table>\n<tbody>\n\(rows.joined())</tbody>\n</table>\n"
}
