import GPTJSON
import GPTTraining
import Testing

@Suite struct LearningRateScheduleTests {
  private func schedule(_ kind: LearningRateSchedule.Kind) -> LearningRateSchedule {
    LearningRateSchedule(
      kind: kind, peak: 2, minimumRatio: 0.1, warmupSteps: 9, totalSteps: 109, decayShare: 0.2)
  }

  @Test(arguments: 0..<3)
  func cosineEqualsNanoGPT(_ index: Int) throws {
    let golden = try #require(try OptimizerFixture().json["schedules"]?.array?[index])
    let peak = try #require(golden["peak"]?.double)
    let minimum = try #require(golden["minimum"]?.double)
    let schedule = LearningRateSchedule(
      peak: peak, minimumRatio: minimum / peak,
      warmupSteps: try #require(golden["warmup"]?.integer),
      totalSteps: try #require(golden["total"]?.integer))
    let rates = try #require(golden["rates"]?.array).compactMap(\.double)
    #expect(rates.count == schedule.totalSteps + 2)
    for (iteration, expected) in rates.enumerated() {
      let rate = schedule.rate(step: iteration + 1)
      #expect(abs(rate - expected) <= 1e-12 * peak, "iteration \(iteration): \(rate), \(expected)")
    }
  }

  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func warmUpIsLinear(_ kind: LearningRateSchedule.Kind) {
    for step in 1...9 {
      #expect(abs(schedule(kind).rate(step: step) - 0.2 * Double(step)) < 1e-12)
    }
    #expect(schedule(kind).rate(step: 10) == 2)
  }

  @Test func shapesPassThroughTheirPoints() {
    #expect(abs(schedule(.linear).rate(step: 60) - 1.1) < 1e-12)
    #expect(abs(schedule(.linear).rate(step: 110) - 0.2) < 1e-12)
    #expect(schedule(.constant).rate(step: 109) == 2)
    // The last fifth of 109 steps begins after 87.2 of them.
    #expect(schedule(.wsd).rate(step: 88) == 2)
    #expect(abs(schedule(.wsd).rate(step: 99) - (2 - 1.8 * (98 - 87.2) / 21.8)) < 1e-12)
    #expect(abs(schedule(.wsd).rate(step: 110) - 0.2) < 1e-12)
  }

  @Test func ratesByTimeFollowTheShareDone() {
    #expect(schedule(.cosine).rate(step: 50, fractionDone: 0) == 2)
    #expect(abs(schedule(.cosine).rate(step: 50, fractionDone: 0.5) - 1.1) < 1e-12)
    #expect(abs(schedule(.cosine).rate(step: 50, fractionDone: 1) - 0.2) < 1e-12)
    #expect(abs(schedule(.linear).rate(step: 50, fractionDone: 0.25) - 1.55) < 1e-12)
    #expect(schedule(.wsd).rate(step: 50, fractionDone: 0.8) == 2)
    #expect(abs(schedule(.wsd).rate(step: 50, fractionDone: 0.9) - 1.1) < 1e-12)
    #expect(abs(schedule(.cosine).rate(step: 3, fractionDone: 0.1) - 0.6) < 1e-12)
    #expect(abs(schedule(.cosine).rate(step: 9, fractionDone: 1) - 0.2) < 1e-12)
  }

  /// Warm-up steps and total steps, sensible and not.
  static let lengths = [(0, 0), (0, 5), (5, 5), (10, 5), (5, 1000), (Int.max, 1), (1, Int.max)]

  @Test(arguments: LearningRateSchedule.Kind.allCases, lengths)
  func ratesStayBetweenZeroAndThePeakWhateverTheNumbers(
    _ kind: LearningRateSchedule.Kind, _ lengths: (warmup: Int, total: Int)
  ) {
    let schedule = LearningRateSchedule(
      kind: kind, peak: 1, warmupSteps: lengths.warmup, totalSteps: lengths.total)
    for step in [1, 2, 5, 6, 10, 11, 1000, .max] {
      let rate = schedule.rate(step: step)
      #expect(rate > 0 && rate <= 1, "step \(step): \(rate)")
    }
  }

  static let bad: [(LearningRateSchedule, String)] = [
    (.init(peak: 0, warmupSteps: 0, totalSteps: 1), "learning rate: 0.0, expected above 0"),
    (.init(peak: .nan, warmupSteps: 0, totalSteps: 1), "learning rate: nan, expected above 0"),
    (
      .init(peak: 1, minimumRatio: 1.5, warmupSteps: 0, totalSteps: 1),
      "minimum learning rate ratio: 1.5, expected 0 to 1"
    ),
    (.init(peak: 1, warmupSteps: -1, totalSteps: 1), "warm-up steps: -1, expected at least 0"),
    (
      .init(peak: 1, warmupSteps: 0, totalSteps: 1, decayShare: 0),
      "decay share: 0.0, expected above 0 and at most 1"
    ),
  ]

  @Test(arguments: bad)
  func badNumbersAreRefused(_ schedule: LearningRateSchedule, _ message: String) {
    let error = #expect(throws: TrainingError.self) { try schedule.validate() }
    #expect(error?.description == message)
  }
}
