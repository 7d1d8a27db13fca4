import GPTModel
import GPTTraining
import Testing

@Suite struct TrainerResumeTests {
  @Test(arguments: [1, 5, 6, 13, 19], [nil, Float(0.9)])
  func anInterruptedRunGoesOnAsIfItHadNotStopped(step: Int, averageDecay: Float?) throws {
    let whole = try ToyRun(averageDecay: averageDecay)
    _ = try whole.run()
    let first = try ToyRun(averageDecay: averageDecay)
    first.interrupt(after: step)
    #expect(try first.run() == .interrupted)
    #expect(first.store.savedSteps.last == step)
    let second = try ToyRun(after: first, averageDecay: averageDecay)
    #expect(try second.run() == .steps)
    try expectEqual(second, whole)
  }

  @Test(arguments: [6, 9, 13, 19])
  func aKilledRunGoesOnFromItsLastCheckpoint(step: Int) throws {
    let whole = try ToyRun()
    _ = try whole.run()
    let first = try ToyRun()
    first.interrupt(after: step)
    _ = try first.run()
    first.store.forgetLast()
    #expect(first.store.savedSteps.last == (step - 1) / 5 * 5)
    let second = try ToyRun(after: first)
    _ = try second.run()
    try expectEqual(second, whole)
  }

  @Test func aFinishedRunStaysAsItIs() throws {
    let run = try ToyRun()
    _ = try run.run()
    let again = try ToyRun(after: run)
    #expect(try again.run() == .steps)
    #expect(again.optimizer.rates.isEmpty)
    try expectEqual(again, run)
  }

  private func expectEqual(_ resumed: ToyRun, _ whole: ToyRun) throws {
    #expect(resumed.model.values == whole.model.values)
    #expect(try resumed.lines() == whole.lines())
    #expect(try resumed.samples() == whole.samples())
    var (left, right) = (resumed.state, whole.state)
    (left.seconds, right.seconds) = (0, 0)
    #expect(left == right)
  }
}
