import GPTTraining
import Testing

@Suite struct BudgetTests {
  @Test(arguments: [
    ("30m", Budget.seconds(1800)), ("1h30m", .seconds(5400)), ("45s", .seconds(45)),
    ("1h1s", .seconds(3601)), ("90m", .seconds(5400)), ("1.5h", .seconds(5400)),
    ("1e9tok", .tokens(1_000_000_000)), ("2500tok", .tokens(2500)),
    ("1e18tok", .tokens(1_000_000_000_000_000_000)),
    ("1e15flop", .operations(1e15)), ("1.5e+18flop", .operations(1.5e18)),
  ])
  func budgetsAreRead(_ text: String, _ expected: Budget) throws {
    #expect(try Budget(parsing: text) == expected)
  }

  @Test(arguments: [
    "", "2000", "1e9", "m", "tok", "flop", "0s", "0tok", "0.5tok", "-5m", "+5m", "5m1h", "1m1m",
    "30 m", " 30m", "30m ", "infs", "nantok", "0x10tok", "1e99tok", "1e999flop", "1e400h",
    "9223372036854775808tok", "1e10s", "1h30", "1,5h", "１m", "1m\u{7}",
    "0000000000000000000000000000000000000000000000000000000000000000001s",
  ])
  func otherTextIsRefused(_ text: String) {
    let error = #expect(throws: TrainingError.self) { try Budget(parsing: text) }
    #expect(error?.description.contains("\u{7}") == false)
  }

  @Test func theMessageGivesExamples() {
    let error = #expect(throws: TrainingError.self) { try Budget(parsing: "2000") }
    #expect(
      error?.description == "budget: '2000', expected a time, tokens or operations, "
        + "like 30m, 1h30m, 45s, 1e9tok or 1e15flop")
  }

  @Test func tokensAndOperationsBuyWholeSteps() {
    #expect(Budget.tokens(1000).stepCount(tokensPerStep: 300, operationsPerToken: 6) == 3)
    #expect(Budget.tokens(10).stepCount(tokensPerStep: 300, operationsPerToken: 6) == 1)
    #expect(Budget.operations(1e6).stepCount(tokensPerStep: 10, operationsPerToken: 6e3) == 16)
    #expect(
      Budget.operations(Budget.operationsLimit).stepCount(tokensPerStep: 1, operationsPerToken: 1)
        == Int(Budget.tokensLimit))
    #expect(Budget.seconds(60).stepCount(tokensPerStep: 300, operationsPerToken: 6) == nil)
  }

  @Test func timeIsFollowedByTheShareGone() {
    let budget = Budget.seconds(200)
    #expect(budget.fractionDone(elapsed: 0) == 0)
    #expect(budget.fractionDone(elapsed: 50) == 0.25)
    #expect(budget.fractionDone(elapsed: 500) == 1)
    #expect(Budget.tokens(5).fractionDone(elapsed: 1) == nil)
    #expect(budget.estimatedStepCount(secondsPerStep: 0.5) == 400)
    #expect(budget.estimatedStepCount(secondsPerStep: 1e-300) == Int(Budget.tokensLimit))
    #expect(budget.estimatedStepCount(secondsPerStep: 0) == nil)
  }
}
