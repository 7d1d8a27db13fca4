import GPTTraining
import Testing

@Suite struct AxisTests {
  @Test(arguments: [
    (1.31...4.27, 3, ["1", "2", "3", "4", "5"]),
    (0...0.00061, 4, ["0", "2e-4", "4e-4", "6e-4", "8e-4"]),
    (0...0.3, 3, ["0", "0.1", "0.2", "0.3"]),
    (0...26_400, 5, ["0", "5k", "10k", "15k", "20k", "25k", "30k"]),
    (-3...3, 4, ["−4", "−2", "0", "2", "4"]),
    (0...2_400_000, 5, ["0", "500k", "1M", "1.5M", "2M", "2.5M"]),
    (7...7, 4, ["6.6", "6.8", "7", "7.2", "7.4"]),
    (0...0, 2, ["−1", "0", "1"]),
  ])
  func ticksAreOneTwoOrFiveTimesAPowerOfTen(
    range: ClosedRange<Double>, count: Int, labels: [String]
  ) {
    let axis = Axis(range, tickCount: count, endsAtTicks: true)
    #expect(axis.ticks.map(\.label) == labels)
    #expect(axis.ticks.first?.value == axis.lower && axis.ticks.last?.value == axis.upper)
    #expect(axis.lower <= range.lowerBound && axis.upper >= range.upperBound)
  }

  @Test(arguments: [
    (1.0...500, ["100", "200", "300", "400", "500"]), (1...3, ["1", "2", "3"]), (1...1, ["1"]),
    (0...9.223372036854776e18, ["0", "2e18", "4e18", "6e18", "8e18"]),
  ])
  func anAxisOfStepsHasTicksAtWholeNumbersInsideIt(
    range: ClosedRange<Double>, labels: [String]
  ) {
    let axis = Axis(range, tickCount: 5, endsAtTicks: false, isWhole: true)
    #expect(axis.ticks.map(\.label) == labels)
    #expect(axis.ticks.allSatisfy { $0.value >= axis.lower && $0.value <= axis.upper })
  }

  @Test(arguments: [
    0...Axis.largestMagnitude, -Axis.largestMagnitude...Axis.largestMagnitude,
    0...Double.leastNonzeroMagnitude,
    1e-300...2e-300, 1...1.0000001, 1e99...1e99, 4e15...4.00000001e15,
  ])
  func extremeRangesHaveFiniteEndsAndFewTicks(range: ClosedRange<Double>) {
    let axis = Axis(range, tickCount: 4, endsAtTicks: true)
    #expect(axis.lower.isFinite && axis.upper.isFinite && axis.lower < axis.upper)
    #expect((2...10).contains(axis.ticks.count), "\(axis.ticks)")
    #expect((0...1).contains(axis.share(of: range.lowerBound)))
    #expect(axis.share(of: -.infinity) == 0 && axis.share(of: .infinity) == 1)
  }

  @Test(arguments: [
    (15, -1, DecimalStyle.plain, "1.5"), (150, -1, .plain, "15"), (-7, -3, .plain, "−0.007"),
    (12, 3, .plain, "12000"), (12, 3, .suffixed, "12k"), (1234, 3, .suffixed, "1.234M"),
    (999, 0, .suffixed, "999"), (5, 13, .suffixed, "50T"), (3, -4, .scientific, "3e-4"),
    (125, 4, .scientific, "1.25e6"), (0, 9, .scientific, "0"),
    (.min, 0, .plain, "−9223372036854775808"),
  ])
  func decimalsAreWrittenExactly(digits: Int, exponent: Int, style: DecimalStyle, text: String) {
    #expect(decimalText(digits: digits, exponent: exponent, style: style) == text)
  }

  @Test(
    arguments: [
      (1.48719, "1.487"), (0.0006, "6e-4"), (24_417, "24.42k"), (9.99996, "10"), (-0.25, "−0.25"),
      (0, "0"), (.nan, "–"), (.infinity, "–"), (1e300, "1e300"), (.leastNonzeroMagnitude, "5e-324"),
      (nil, "–"),
    ] as [(Double?, String)])
  func valuesAreRoundedToFourSignificantDigits(value: Double?, text: String) {
    #expect(significantText(value) == text)
  }
}
