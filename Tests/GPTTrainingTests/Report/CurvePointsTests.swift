import GPTTraining
import Testing

@Suite struct CurvePointsTests {
  @Test(arguments: [10, 999, 1000, 1001, 50_000])
  func decimationKeepsTheSpikesAndTheOrder(count: Int) {
    var points = (0..<count).map { CurvePoint(step: $0, value: Double($0 % 7)) }
    points[count / 3].value = 99
    points[count / 2].value = -99
    let kept = decimated(points, limit: 1000)
    #expect(kept.count <= 1000 && kept.count >= min(count, 900))
    #expect(kept.map(\.value).max() == 99 && kept.map(\.value).min() == -99)
    #expect(zip(kept, kept.dropFirst()).allSatisfy { $0.step < $1.step })
  }

  @Test(arguments: [
    (0, [8.0, 4, 6, 2, 0, 4]), (1, [8, 6, 4, 8.0 / 3, 2, 2]), (2, [8, 6, 4, 16.0 / 5, 3, 2]),
  ])
  func theMovingAverageFollowsTheBeginning(radius: Int, expected: [Double]) {
    let values: [Double] = [8, 4, 6, 2, 0, 4]
    let points = values.enumerated().map { CurvePoint(step: $0.offset, value: $0.element) }
    let means = smoothed(points, radius: radius).map(\.value)
    #expect(zip(means, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(means)")
    #expect(means.count == expected.count)
  }

  @Test func valuesThatAreNoNumbersAreLeftOut() {
    let losses: [Double?] = [1, .nan, .infinity, nil, -.infinity, 1e200, 2]
    let records = losses.enumerated().map { MetricsRecord(step: $0.offset, loss: $0.element) }
    let expected = [CurvePoint(step: 0, value: 1), CurvePoint(step: 6, value: 2)]
    #expect(curvePoints(records, \.loss) == expected)
  }

  @Test func stepsMeasuredAgainReplaceTheFirstMeasurement() {
    let steps = [1, 2, 3, 4, 3, 4, 5, 2]
    let records = steps.enumerated().map {
      MetricsRecord(step: $0.element, loss: Double($0.offset))
    }
    #expect(latestRecords(Array(records.prefix(7))).map(\.loss) == [0, 1, 4, 5, 6])
    #expect(latestRecords(records).map(\.loss) == [0, 7])
  }
}
