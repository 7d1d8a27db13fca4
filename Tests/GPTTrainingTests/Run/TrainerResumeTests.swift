import GPTModel
import GPTTraining
import Testing

@Suite struct TrainerResumeTests {
  @Test(arguments: [1, 5, 6, 13, 19], [nil, Float(0.9)])
  func anInterruptedRunGoesOnAsIfItHadNotStopped(step: Int, averageDecay: Float?) throws {
    let whole = try LinearRun(averageDecay: averageDecay)
    _ = try whole.run()
    let first = try LinearRun(averageDecay: averageDecay)
    first.interrupt(after: step)
    #expect(try first.run() == .interrupted)
    #expect(first.store.savedSteps.last == step)
    let second = try LinearRun(after: first, averageDecay: averageDecay)
    #expect(try second.run() == .steps)
    try expectEqual(second, whole)
  }

  @Test(arguments: [6, 9, 13, 19])
  func aKilledRunGoesOnFromItsLastCheckpoint(step: Int) throws {
    let whole = try LinearRun()
    _ = try whole.run()
    let first = try LinearRun()
    first.interrupt(after: step)
    _ = try first.run()
    first.store.forgetLast()
    #expect(first.store.savedSteps.last == (step - 1) / 5 * 5)
    let second = try LinearRun(after: first)
    _ = try second.run()
    try expectEqual(second, whole)
  }

  @Test func aFinishedRunStaysAsItIs() throws {
    let run = try LinearRun()
    _ = try run.run()
    let again = try LinearRun(after: run)
    #expect(try again.run() == .steps)
    #expect(again.optimizer.rates.isEmpty)
    try expectEqual(again, run)
  }

  private func expectEqual(_ resumed: LinearRun, _ whole: LinearRun) throws {
    #expect(resumed.model.values == whole.model.values)
    #expect(try resumed.lines() == whole.lines())
    #expect(try resumed.samples() == whole.samples())
    #expect(resumed.state == whole.state)
  }
}
