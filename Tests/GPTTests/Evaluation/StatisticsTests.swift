import GPT
import GPTJSON
import Testing

@Suite struct StatisticsTests {
  @Test func mcNemarsTestEqualsTheBinomialOfScipy() throws {
    for item in try #require(try EvaluationFixture.golden()["mcnemar"]?.array) {
      let first = try #require(item["first"]?.integer)
      let second = try #require(item["second"]?.integer)
      let expected = try #require(item["p"]?.double)
      let found = McNemarTest(onlyFirst: first, onlySecond: second).pValue
      #expect(abs(found / expected - 1) < 1e-9, "\(first), \(second): \(found), not \(expected)")
    }
  }

  @Test func mcNemarsTestLooksOnlyAtWhereTheModelsDiffer() {
    let test = McNemarTest(of: [
      (true, true), (true, false), (false, true), (false, false), (true, false),
    ])
    #expect(test == McNemarTest(onlyFirst: 2, onlySecond: 1))
    // 2 · (1 + 3) / 8 is 1; one of five against four is 2 · (1 + 5) / 32.
    #expect(test.pValue == 1)
    #expect(abs(McNemarTest(onlyFirst: 4, onlySecond: 1).pValue - 12.0 / 32) < 1e-12)
  }

  @Test func pairedDifferencesEqualScipys() throws {
    for item in try #require(try EvaluationFixture.golden()["paired"]?.array) {
      func numbers(_ key: String) -> [Double] { (item[key]?.array ?? []).compactMap(\.double) }
      let found = PairedDifference(of: zip(numbers("first"), numbers("second")))
      for (name, value) in [
        ("difference", found.difference), ("standard_error", found.standardError),
        ("p", found.pValue),
      ] {
        let expected = try #require(item[name]?.double)
        #expect(
          abs(value - expected) < 1e-9 * max(1, abs(expected)), "\(name): \(value), not \(expected)"
        )
      }
    }
  }

  @Test func equalScoresDoNotDiffer() {
    let found = PairedDifference(of: [(1.0, 1.0), (0.5, 0.5)])
    #expect(found.difference == 0)
    #expect(found.pValue == 1)
  }

  /// 3 of 4: √(0.75 · 0.25 / 3)
  @Test func theStandardErrorOfAShareHasOneLessInTheDenominator() {
    let sample = SampleMean(of: [1, 1, 0, 1])
    #expect(sample.mean == 0.75)
    #expect(abs(sample.standardError - 0.25) < 1e-12)
  }

  @Test func tooFewItemsHaveNoStandardError() {
    #expect(SampleMean(of: [2]).mean == 2)
    #expect(SampleMean(of: [2]).standardError.isNaN)
    #expect(SampleMean(of: []).mean.isNaN)
  }

  @Test func classFiguresComeFromRowsAndColumns() throws {
    var table = ConfusionTable(labels: ["a", "b", "c"])
    // True a: 2 as a, 1 as b. True b: 1 as b. c occurs on neither side.
    for (expected, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
      table.add(expected: expected, predicted: predicted)
    }
    #expect(table.counts == [[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    #expect([0, 1].map(table.precision) == [1, 0.5])
    #expect([0, 1].map(table.recall) == [2.0 / 3, 1])
    #expect([0, 1].map(table.f1) == [0.8, 2.0 / 3])
    #expect(table.precision(2) == nil && table.recall(2) == nil && table.f1(2) == nil)
  }
}
