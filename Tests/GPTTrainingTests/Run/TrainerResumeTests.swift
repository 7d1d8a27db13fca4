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

  /// 5: the checkpoint is of the best step; 7: the best one is another.
  @Test(arguments: [5, 7], [nil, Float(0.9)])
  func goingBackMakesTheBestModelUntilThereTheModel(step: Int, averageDecay: Float?) throws {
    func run(after earlier: LinearRun? = nil, until step: Int) throws -> LinearRun {
      let run = try LinearRun(after: earlier, averageDecay: averageDecay)
      run.options.validateEvery = 5
      run.options.checkpointEvery = 1
      run.interrupt(after: step - (earlier?.store.savedSteps.last ?? 0))
      _ = try run.run()
      return run
    }
    let first = try run(until: 12)
    #expect(first.store.published?.state.step == 10)
    while first.store.savedSteps.last != step { first.store.forgetLast() }
    let second = try run(after: first, until: 8)
    let straight = try run(until: 8)
    #expect(second.store.published?.weights == straight.store.published?.weights)
    #expect(straight.store.published?.state.step == 5)
    try expectEqual(second, straight)
  }

  @Test func withABudgetOfTimeABestModelThatIsGoneIsForgotten() throws {
    func run(after earlier: LinearRun? = nil, until step: Int) throws -> LinearRun {
      let run = try LinearRun(after: earlier)
      run.options.seconds = 1e6
      run.interrupt(after: step)
      _ = try run.run()
      return run
    }
    let first = try run(until: 12)
    #expect(first.state.bestStep == 12)
    first.store.forgetLast()
    #expect(first.store.savedSteps.last == 10)
    let second = try run(after: first, until: 1)
    #expect(second.state.bestStep == nil)
    #expect(second.store.published?.state.step == 11)
    #expect(second.store.published?.weights == second.model.values)
  }

  private func expectEqual(_ resumed: LinearRun, _ whole: LinearRun) throws {
    #expect(resumed.model.values == whole.model.values)
    #expect(try resumed.lines() == whole.lines())
    #expect(try resumed.samples() == whole.samples())
    #expect(resumed.state == whole.state)
  }
}
