import GPTModel
import GPTTraining
import Testing

@Suite struct TrainerDivergenceTests {
  private static func poisoned(_ index: Int) -> TokenBatch {
    let batch = toyBatch(index)
    return TokenBatch(
      sequenceCount: 4, length: 2, inputs: batch.inputs,
      targets: [LinearModel.poison] + batch.targets.dropFirst())
  }

  @Test(arguments: [0, 7, 10, 19])
  func aBatchThatSpoilsTheLossIsLeftOut(bad: Int) throws {
    let run = try LinearRun()
    run.data.microBatch = { $0 == bad ? Self.poisoned($0) : toyBatch($0) }
    #expect(try run.run() == .steps)
    let clean = try LinearRun()
    clean.data.microBatch = { toyBatch($0 < bad ? $0 : $0 + 1) }
    _ = try clean.run()
    #expect(run.model.values == clean.model.values)
    #expect(try run.lines() == clean.lines())
    #expect(run.state.skippedBatches == [bad])
    #expect(run.state.rollbacks == 1)
    #expect(run.state.batchIndex == 21)
    let rollbacks = run.events.compactMap { event in
      if case .rolledBack(let rollback, _) = event { rollback } else { nil }
    }
    #expect(
      rollbacks == [
        Rollback(
          quantity: "the loss", failedStep: bad + 1, restoredStep: bad / 5 * 5, skippedBatch: bad,
          count: 1)
      ])
  }

  @Test func whatWasLeftOutStaysLeftOutAfterAResume() throws {
    let bad: Set<Int> = [3, 8]
    func data(_ index: Int) -> TokenBatch {
      bad.contains(index) ? Self.poisoned(index) : toyBatch(index)
    }
    let whole = try LinearRun()
    whole.data.microBatch = data
    _ = try whole.run()
    let first = try LinearRun()
    first.data.microBatch = data
    first.interrupt(after: 11)
    _ = try first.run()
    let second = try LinearRun(after: first)
    second.data.microBatch = data
    _ = try second.run()
    #expect(second.model.values == whole.model.values)
    #expect(second.state.skippedBatches == [3, 8])
    #expect(second.state.rollbacks == 2)
  }

  @Test func aRunThatDivergesAgainAndAgainGivesUp() throws {
    let run = try LinearRun()
    run.options.maximumRollbacks = 2
    run.data.microBatch = { $0 >= 5 ? Self.poisoned($0) : toyBatch($0) }
    #expect {
      try run.run()
    } throws: { error in
      "\(error)"
        == "step 6: the loss is not finite, after 2 returns to a checkpoint, expected a finite "
        + "one (a lower learning rate or clip may help)"
    }
    #expect(run.store.savedSteps == [0, 5])
  }

  @Test func weightsThatAreNoNumbersAreNeverSaved() throws {
    let run = try LinearRun()
    run.options.maximumRollbacks = 1
    run.options.clip = nil
    run.data.validationBatchCount = 0
    run.options.checkpointEvery = 1
    run.schedule = constantSchedule(rate: .infinity)
    #expect(throws: TrainingError.self) { try run.run() }
    #expect(run.store.savedSteps == [0])
  }
}
