import GPTTraining
import Testing

@Suite struct ReportPageTests {
  static let hostile = "</pre></title><script>\"'&\u{0}\u{1b}[31m</table>\nsecond line"

  /// Records of every unpleasant kind.
  static let recordSets: [[MetricsRecord]] = [
    [],
    [MetricsRecord(step: 1)],
    [MetricsRecord(step: 1, loss: 4, validationLoss: 4, learningRate: 0, tokensPerSecond: 100)],
    [MetricsRecord(step: 1, loss: .nan, gradientNorm: .infinity)],
    [
      MetricsRecord(step: 0, loss: 1e308, gradientNorm: -1e99, learningRate: 5e-324),
      MetricsRecord(step: .max, loss: -1e308, gradientNorm: 1e99, learningRate: 1e-300),
    ],
    (1...2500).map {
      MetricsRecord(
        step: $0, tokens: Double($0) * 512, loss: 4 / Double($0) + 1,
        validationLoss: $0 % 100 == 0 ? 1.5 : nil, gradientNorm: $0 == 7 ? 1e6 : 1,
        learningRate: 6e-4, tokensPerSecond: 9000, modelFlopsUtilisation: 0.41)
    },
  ]

  static func page(_ records: [MetricsRecord], isRunning: Bool = false) -> String {
    renderReport(
      ReportInput(
        title: hostile, facts: [("corpus", hostile), ("model", "llama")], records: records,
        samples: [(1, hostile), (2, "")], isRunning: isRunning))
  }

  @Test(arguments: recordSets) func everyElementIsClosedInOrder(records: [MetricsRecord]) {
    #expect(markupDefect(in: Self.page(records)) == nil)
  }

  @Test(arguments: recordSets) func everythingDrawnLiesInsideItsViewBox(records: [MetricsRecord]) {
    let page = Self.page(records)
    for chart in page.split(separator: "<svg ").dropFirst() {
      let size = numbers(in: chart.prefix { $0 != ">" }.prefix { $0 != "r" })
      #expect(size.count == 4 && size[2] > 0 && size[3] > 0)
      for path in values(of: "d", in: String(chart)) {
        #expect(!path.contains("n") && !path.contains("−"), "\(path)")
        #expect(absolutePoints(of: path).allSatisfy { $0 <= size[2] && $1 <= size[3] })
      }
    }
  }

  @Test func textFromOutsideCannotBecomeMarkup() {
    let text = "&lt;/pre&gt;&lt;/title&gt;&lt;script&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}[31m"
    #expect(Self.hostile.markup == text + "&lt;/table&gt;\nsecond line")
    #expect(!Self.page([]).contains("<script"))
  }

  @Test func aChartWithoutValuesSaysSoAndOneValueIsADot() {
    let empty = Self.page([MetricsRecord(step: 1, loss: .nan)])
    #expect(empty.split(separator: "Nothing measured yet.").count == 5)
    #expect(!empty.contains("<svg"))
    let one = Self.page([MetricsRecord(step: 3, loss: 2.5)])
    #expect(one.split(separator: "<svg").count == 2)
    #expect(one.contains("<title>step 3: 2.5</title></circle>"))
  }

  @Test func aCurveHasAtMostAThousandPoints() {
    let page = Self.page(Self.recordSets[5])
    let counts = values(of: "d", in: page).map { $0.split(separator: "L").count }
    #expect((counts.max() ?? 0) > 500 && (counts.max() ?? 0) <= 1000)
  }

  @Test func nothingIsLoadedFromElsewhere() {
    let page = Self.page(Self.recordSets[5])
    #expect(
      ["http:", "https:", "src=", "href=", "url(", "@import"].allSatisfy { !page.contains($0) })
  }

  @Test func onlyTheReportOfARunningRunReloadsItself() {
    #expect(Self.page([], isRunning: true).contains(#"http-equiv="refresh""#))
    #expect(!Self.page([], isRunning: false).contains(#"http-equiv="refresh""#))
    #expect(Self.page([], isRunning: true).contains("<b>Running</b>"))
  }

  @Test func theNewestSampleComesFirstAndManyAreThinnedOut() {
    let samples = (1...1000).map { (step: $0, text: "sample") }
    let page = renderReport(
      ReportInput(title: "run", facts: [], records: [], samples: samples, isRunning: false))
    let steps = page.split(separator: "<summary>Step ").dropFirst().map {
      numbers(in: $0.prefix(4))[0]
    }
    #expect(steps.count == 40 && steps.first == 1000 && steps.last == 25)
    #expect(page.split(separator: "<details open").count == 2)
  }
}
