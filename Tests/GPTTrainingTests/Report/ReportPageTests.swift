import GPTTraining
import Testing

@Suite struct ReportPageTests {
  static let hostile = "</pre></title><script>\"'&\u{0}\u{1b}[31m</table>\nsecond line"

  enum Run: String, CaseIterable {
    case empty, withoutMeasurements, oneStep, notNumbers, absurd, long

    var records: [MetricsRecord] {
      switch self {
      case .empty: []
      case .withoutMeasurements: [MetricsRecord(step: 1)]
      case .oneStep:
        [MetricsRecord(step: 3, loss: 2.5, learningRate: 0, tokensPerSecond: 100)]
      case .notNumbers: [MetricsRecord(step: 1, loss: .nan, gradientNorm: .infinity)]
      case .absurd:
        [
          MetricsRecord(
            step: 0, loss: 1e308, gradientNorm: -1e99, learningRate: .leastNonzeroMagnitude),
          MetricsRecord(step: .max, loss: -1e308, gradientNorm: 1e99, learningRate: 1e-300),
        ]
      case .long:
        (1...2500).map {
          MetricsRecord(
            step: $0, tokens: Double($0) * 512, loss: 4 / Double($0) + 1,
            validationLoss: $0 % 100 == 0 ? 1.5 : nil, gradientNorm: $0 == 7 ? 1e6 : 1,
            learningRate: 6e-4, tokensPerSecond: 9000, modelFlopsUtilisation: 0.41)
        }
      }
    }
  }

  static func page(_ run: Run, status: ReportInput.Status = .finished) -> String {
    renderReport(
      ReportInput(
        title: hostile, facts: [("corpus", hostile), ("model", "llama")], records: run.records,
        samples: [(1, hostile), (2, "")], status: status))
  }

  @Test(arguments: Run.allCases) func everyElementIsClosedInOrder(run: Run) {
    #expect(markupDefect(in: Self.page(run)) == nil)
  }

  @Test(arguments: Run.allCases) func everythingDrawnLiesInsideItsViewBox(run: Run) {
    let page = Self.page(run)
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
    #expect(!Self.page(.empty).contains("<script"))
  }

  @Test func aChartWithoutValuesSaysSoAndOneValueIsADot() {
    let empty = Self.page(.notNumbers)
    #expect(empty.split(separator: "Nothing measured yet.").count == 5)
    #expect(!empty.contains("<svg"))
    let one = Self.page(.oneStep)
    #expect(one.split(separator: "<svg").count == 4)
    #expect(one.contains("<title>step 3: 2.5</title></circle>"))
  }

  @Test func aCurveHasAtMostAThousandPoints() {
    let page = Self.page(.long)
    let counts = values(of: "d", in: page).map { $0.split(separator: "L").count }
    #expect((counts.max() ?? 0) > 500 && (counts.max() ?? 0) <= 1000)
  }

  @Test func nothingIsLoadedFromElsewhere() {
    let page = Self.page(.long)
    #expect(
      ["http:", "https:", "src=", "href=", "url(", "@import"].allSatisfy { !page.contains($0) })
  }

  @Test func onlyTheReportOfARunningRunReloadsItself() {
    #expect(Self.page(.empty, status: .running).contains(#"http-equiv="refresh""#))
    #expect(!Self.page(.empty, status: .finished).contains(#"http-equiv="refresh""#))
    #expect(Self.page(.empty, status: .running).contains("<b>Running</b>"))
    let failed = Self.page(.empty, status: .failed(Self.hostile))
    #expect(!failed.contains(#"http-equiv="refresh""#))
    #expect(failed.contains("<b>Failed</b> · \(Self.hostile.markup)"))
  }

  @Test func theNewestSampleComesFirstAndManyAreThinnedOut() {
    let samples = (1...1000).map { (step: $0, text: "sample") }
    let page = renderReport(
      ReportInput(title: "run", facts: [], records: [], samples: samples, status: .finished))
    let steps = page.split(separator: "<summary>Step ").dropFirst().map {
      numbers(in: $0.prefix(4))[0]
    }
    #expect(steps.count == 40 && steps.first == 1000 && steps.last == 25)
    #expect(page.split(separator: "<details open").count == 2)
  }
}
