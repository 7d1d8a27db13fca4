import GPTModel
import GPTTensor
import GPTTraining
import Testing

@Suite struct TrainerTests {
  @Test func theLossFalls() throws {
    let run = try LinearRun()
    run.options.steps = 200
    #expect(try run.run() == .steps)
    let records = try run.lines()
    let first = try #require(records.first?.loss)
    let last = try #require(records.last?.loss)
    #expect(last < first / 100, "from \(first) to \(last)")
    #expect(records.last?.step == 200)
    #expect(run.state.tokens == 200 * 8)
  }

  @Test func twoMicroBatchesEqualOneBatchOfTwice() throws {
    func whole(_ index: Int) -> TokenBatch {
      let halves = [toyBatch(2 * index), toyBatch(2 * index + 1)]
      return TokenBatch(
        sequenceCount: 8, length: 2, inputs: halves.flatMap(\.inputs),
        targets: halves.flatMap(\.targets))
    }
    let split = try LinearRun()
    split.options.microBatchCount = 2
    let joined = try LinearRun()
    joined.data.microBatch = whole
    _ = try split.run()
    _ = try joined.run()
    #expect(split.model.values == joined.model.values)
    #expect(try split.lines() == joined.lines())
  }

  @Test func microBatchesCountByTheirTargets() throws {
    // A micro-batch of one target weighs as much as any other target does, not as a whole batch.
    func sparse(_ index: Int) -> TokenBatch {
      let batch = toyBatch(index)
      guard index % 2 == 1 else { return batch }
      let targets = batch.targets.enumerated().map { $0.offset == 0 ? $0.element : -1 }
      return TokenBatch(sequenceCount: 4, length: 2, inputs: batch.inputs, targets: targets)
    }
    let run = try LinearRun()
    run.options.microBatchCount = 2
    run.options.steps = 1
    run.data.microBatch = sparse
    _ = try run.run()
    let pairs = [sparse(0), sparse(1)].flatMap { zip($0.inputs, $0.targets) }.filter { $0.1 >= 0 }
    let loss = pairs.reduce(0.0) { $0 + Double($1.1 * $1.1) / 128 } / Double(pairs.count)
    #expect(run.state.tokens == 9)
    #expect(try #require(run.lines().first?.loss) == loss)
  }

  @Test func gradientsAndLossesAreMeansOverTheModelsOwnCount() throws {
    let means = try [1, 4].map { share in
      let run = try LinearRun()
      run.model.targetsPerLoss = share
      run.options.microBatchCount = 3
      run.options.steps = 1
      _ = try run.run()
      #expect(run.state.tokens == 24)
      let record = try #require(run.lines().first)
      return [record.gradientNorm, record.loss].compactMap { $0 }
    }
    #expect(means[0].count == 2 && means[0].allSatisfy { $0 > 0 })
    #expect(means[1] == means[0].map { 4 * $0 })
  }

  @Test func everyMicroBatchHasItsOwnDropoutKey() throws {
    let run = try LinearRun()
    run.options.microBatchCount = 3
    _ = try run.run()
    #expect(Set(run.model.dropoutKeys).count == 60)
  }

  @Test func longGradientsAreClipped() throws {
    let run = try LinearRun()
    run.options.clip = 0.5
    run.options.logEvery = 1
    _ = try run.run()
    let norms = try run.lines().compactMap(\.gradientNorm)
    let expected = norms.map { Float(min(1, 0.5 / ($0 + 1e-6))) }
    #expect(run.optimizer.scales == expected)
    #expect(expected.contains { $0 < 1 })
  }

  @Test func withoutClippingGradientsStayAsTheyAre() throws {
    let run = try LinearRun()
    run.options.clip = nil
    _ = try run.run()
    #expect(run.optimizer.scales.allSatisfy { $0 == 1 })
  }

  @Test func theBestModelIsKeptAndPatienceEnds() throws {
    let run = try LinearRun()
    run.options.steps = 1000
    run.options.patience = 3
    run.options.validateEvery = 4
    // Steps of this size only make the loss larger.
    run.schedule = constantSchedule(rate: 3)
    run.options.clip = nil
    #expect(try run.run() == .patience)
    #expect(run.state.bestStep == 4)
    #expect(run.state.step == 16)
    #expect(run.store.published?.state.step == 4)
    #expect(run.store.savedSteps.last == 16)
    #expect(try run.samples().last?.step == 16)
  }

  @Test func aRunThatValidatesFirstKnowsWhatItBeganWith() throws {
    let run = try LinearRun()
    run.options.validatesFirst = true
    run.interrupt(after: 3)
    #expect(try run.run() == .interrupted)
    let first = try #require(run.state.firstValidationLoss)
    #expect(try run.lines().first == MetricsRecord(step: 0, validationLoss: first))
    #expect(try run.samples().first?.step == 0)
    #expect(run.store.savedSteps.first == 0)
    let resumed = try LinearRun(after: run)
    resumed.options.validatesFirst = true
    _ = try resumed.run()
    #expect(resumed.state.firstValidationLoss == first)
    let best = try #require(resumed.state.bestValidationLoss)
    #expect(best < first, "from \(first) to \(best)")
    #expect(resumed.events.count { if case .validated(0, _, _) = $0 { true } else { false } } == 0)
  }

  @Test func aModelThatOnlyGetsWorseStaysAsItWas() throws {
    let run = try LinearRun()
    run.options.validatesFirst = true
    run.options.patience = 2
    // Steps of this size only make the loss larger.
    run.schedule = constantSchedule(rate: 3)
    run.options.clip = nil
    #expect(try run.run() == .patience)
    #expect(run.state.bestStep == 0)
    #expect(run.store.published?.weights == [0, 0])
    #expect(run.state.bestValidationLoss == run.state.firstValidationLoss)
  }

  @Test func withoutAValidationSetTheLastWeightsAreTheModel() throws {
    let run = try LinearRun()
    run.data.validationBatchCount = 0
    _ = try run.run()
    #expect(run.store.published?.weights == run.model.values)
    #expect(try run.lines().allSatisfy { $0.validationLoss == nil })
  }

  @Test func validationAndModelUseTheAveragedWeights() throws {
    let run = try LinearRun(averageDecay: 0.9)
    _ = try run.run()
    let average = try #require(run.average).state[0].tensor.pointer
    let published = try #require(run.store.published)
    #expect(published.state.step == 20)
    #expect(published.weights == [average[0], average[1]])
    #expect(published.weights != run.model.values)
  }

  @Test func timeEndsARunAndItsScheduleFollows() throws {
    var now = 0.0
    let run = try LinearRun()
    run.options.steps = nil
    run.options.seconds = 100
    run.surroundings.clock = {
      now += 0.25
      return now
    }
    #expect(try run.run() == .time)
    #expect(run.store.savedSteps.last == run.state.step)
    #expect(try run.lines().last?.validationLoss != nil)
    #expect(run.state.seconds >= 100)
  }

  @Test func checkpointsBeginWithStepZeroAndEndWithTheLast() throws {
    let run = try LinearRun()
    run.options.steps = 12
    _ = try run.run()
    #expect(run.store.savedSteps == [0, 5, 10, 12])
  }

  @Test func aFullDiskIsToldAndTriedAgain() throws {
    let run = try LinearRun()
    run.store.failing = [10]
    #expect(try run.run() == .steps)
    #expect(run.store.savedSteps == [0, 5, 15, 20])
    let failures = run.events.count { if case .notSaved = $0 { true } else { false } }
    #expect(failures == 1)
  }

  @Test func aModelThatCannotBeWrittenIsNotTheBest() throws {
    let run = try LinearRun()
    run.store.failingModels = [12]
    run.interrupt(after: 14)
    _ = try run.run()
    #expect(run.state.bestStep == 6)
    #expect(run.store.published?.state.step == 6)
    let best = run.events.compactMap { event in
      if case .validated(let step, _, true) = event { step } else { nil }
    }
    #expect(best == [6])
  }

  @Test(arguments: [0, 20]) func aRunThatCannotSaveItsFirstOrLastStepFails(step: Int) throws {
    let run = try LinearRun()
    run.store.failing = [step]
    #expect {
      try run.run()
    } throws: { error in
      "\(error)" == "run: cannot write it: No space left on device"
    }
  }

  @Test func aSlowRunIsSavedByTheClockToo() throws {
    var now = 0.0
    let run = try LinearRun()
    run.options.checkpointEvery = 1000
    run.surroundings.clock = { now }
    run.data.microBatch = { index in
      now += 150
      return toyBatch(index)
    }
    _ = try run.run()
    #expect(run.store.savedSteps == [0, 4, 8, 12, 16, 20])
    let quick = try LinearRun()
    _ = try quick.run()
    #expect(run.model.values == quick.model.values)
    #expect(run.state == quick.state)
  }

  @Test func aBudgetOfTimeIsSavedAndValidatedByTheClock() throws {
    var now = 0.0
    let run = try LinearRun()
    run.options.steps = nil
    run.options.seconds = 100
    run.options.validateEvery = 1000
    run.options.checkpointEvery = 1000
    run.surroundings.clock = { now }
    run.data.microBatch = { index in
      now += 5
      return toyBatch(index)
    }
    _ = try run.run()
    #expect(run.store.savedSteps == Array(0...20))
    let validated = try run.lines().filter { $0.validationLoss != nil }.map(\.step)
    #expect(validated == Array(stride(from: 2, through: 20, by: 2)))
  }
}
