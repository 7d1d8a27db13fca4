import GPTModel
import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

/// What holds for the losses of finetuning whatever their numbers are.
@Suite struct FinetuningLossTests {
  enum Objective: CaseIterable { case supervised, preference, distillation }

  private func model(
    _ objective: Objective, _ fixture: FinetuningFixture, _ options: TrainingModelOptions,
    precision: Precision = .fp32, threads: Int = 2
  ) throws -> any TrainableModel {
    let model = try fixture.model(options, precision: precision, threads: threads)
    return switch objective {
    case .supervised: model
    case .preference: PreferenceModel(model, beta: 0.1)
    case .distillation: try fixture.distillation(model)
    }
  }

  private func batch(_ objective: Objective, _ fixture: FinetuningFixture) throws -> TokenBatch {
    objective == .preference
      ? TokenBatch(padding: try fixture.answers()) : TokenBatch(padding: try fixture.sequences())
  }

  private func bits(_ model: any TrainableModel) -> [[UInt32]] {
    model.parameters.map { ($0.gradient?.values ?? []).map(\.bitPattern) }
  }

  @Test(arguments: FinetuningFixture.names, Objective.allCases)
  func batchesWithoutTargetsHaveExactlyZeroGradients(
    _ name: String, _ objective: Objective
  ) throws {
    let fixture = try FinetuningFixture(name)
    var options = TrainingModelOptions()
    (options.labelSmoothing, options.zLoss) = (0.1, 0.01)
    let model = try model(objective, fixture, options)
    let batch = try batch(objective, fixture)
    let masked = TokenBatch(
      sequenceCount: batch.sequenceCount, length: batch.length, inputs: batch.inputs,
      targets: batch.targets.map { _ in -1 })
    let loss = try model.accumulateGradients(masked, scale: 1, dropoutKey: 3)
    #expect(model.parameters.allSatisfy { $0.gradient?.values.allSatisfy { $0 == 0 } == true })
    // Two answers of no tokens are equally likely.
    let expected = objective == .preference ? Double(batch.sequenceCount / 2) * log(2) : 0
    #expect(abs(loss.total - expected) < 1e-12)
  }

  @Test(arguments: FinetuningFixture.names, Objective.allCases)
  func tokensBehindTheLastTargetChangeNoBitOfAGradient(
    _ name: String, _ objective: Objective
  ) throws {
    let fixture = try FinetuningFixture(name)
    let sequences =
      try objective == .preference ? fixture.answers() : fixture.sequences()
    let results = try [Int32(0), 5].map { filler -> [[UInt32]] in
      let model = try model(objective, fixture, TrainingModelOptions())
      let batch = TokenBatch(padding: sequences, with: filler)
      _ = try model.accumulateGradients(batch, scale: 1, dropoutKey: 3)
      return bits(model)
    }
    let isEqual = results[0] == results[1]
    #expect(isEqual)
    #expect(results[0].joined().contains { $0 != 0 })
  }

  @Test(arguments: Objective.allCases, [Precision.fp32, .automatic])
  func oneAndTwoThreadsGiveTheSameBits(_ objective: Objective, _ precision: Precision) throws {
    let fixture = try FinetuningFixture("llama")
    var options = TrainingModelOptions()
    options.residualDropout = 0.1
    let results = try [1, 2].map { threads -> [[UInt32]] in
      let model = try model(
        objective, fixture, options, precision: precision, threads: threads)
      let loss = try model.accumulateGradients(
        batch(objective, fixture), scale: 1, dropoutKey: 3)
      return [[Float(loss.total).bitPattern]] + bits(model)
    }
    let isEqual = results[0] == results[1]
    #expect(isEqual)
  }

  @Test(arguments: FinetuningFixture.names)
  func packedSequencesGiveTheLossOfTheSequencesAlone(_ name: String) throws {
    let fixture = try FinetuningFixture(name)
    let sequences = try fixture.sequences()
    let (alone, packed) = (try fixture.model(), try fixture.model())
    var sum = LossSum()
    var evaluated = 0.0
    for sequence in sequences {
      let batch = TokenBatch(padding: [sequence])
      sum += try alone.accumulateGradients(batch, scale: 1, dropoutKey: 0)
      evaluated += try alone.evaluate(batch).total
    }
    let row = TokenBatch(packing: sequences)
    let found = try packed.accumulateGradients(row, scale: 1, dropoutKey: 0)
    #expect(found.count == sum.count)
    #expect(abs(found.total / sum.total - 1) < 1e-6)
    #expect(abs(try packed.evaluate(row).total / evaluated - 1) < 1e-6)
    for (one, other) in zip(packed.parameters, alone.parameters) {
      let (left, right) = (one.gradient?.values ?? [], other.gradient?.values ?? [])
      let largest = right.reduce(0) { max($0, abs($1)) }
      let difference = largestDifference(left, right)
      #expect(
        largest > 0 && difference < 1e-5 * largest, "\(one.name): \(difference) of \(largest)")
    }
  }

  /// A new adapter changes nothing: model and reference agree, and no answer is preferred.
  @Test(arguments: FinetuningFixture.names)
  func aNewAdapterPrefersNothing(_ name: String) throws {
    let fixture = try FinetuningFixture(name)
    let opened = try GoldenModel.folder(name).open()
    let adapter = Adapter(
      options: AdapterOptions(), configuration: opened.configuration, seed: 1)
    let model = PreferenceModel(
      TrainingModel(adapting: opened, adapter: adapter, options: TrainingModelOptions()), beta: 0.5)
    let batch = TokenBatch(padding: try fixture.answers())
    for loss in try [
      model.evaluate(batch), model.accumulateGradients(batch, scale: 1, dropoutKey: 0),
    ] {
      #expect(loss.count == 3)
      #expect(abs(loss.total - 3 * log(2)) < 1e-12, "\(loss)")
    }
    #expect(model.takeEvaluationStatistics() == PreferenceStatistics(pairCount: 3))
    #expect(model.takeTrainingStatistics() == PreferenceStatistics(pairCount: 3))
    #expect(model.parameters.contains { $0.gradient?.values.contains { $0 != 0 } == true })
  }

  /// −log sigmoid(m) and −log sigmoid(−m) differ by m.
  @Test func exchangedAnswersHaveTheOppositeMargin() throws {
    let fixture = try FinetuningFixture("gpt2")
    let answers = try fixture.answers()
    let exchanged = answers.indices.map { answers[$0 ^ 1] }
    let model = PreferenceModel(try fixture.model(), beta: 0.3)
    let losses = try [answers, exchanged].map {
      let loss = try model.evaluate(TokenBatch(padding: $0))
      return (loss.total, model.takeEvaluationStatistics())
    }
    #expect(abs(losses[0].1.marginSum + losses[1].1.marginSum) < 1e-6)
    #expect(abs(losses[0].1.marginSum) > 0.01)
    #expect(abs(losses[1].0 - losses[0].0 - losses[0].1.marginSum) < 1e-5)
  }

  @Test(arguments: [
    (
      "gpt2",
      "big.gguf: the teacher's number of token embeddings is 131, expected 307, the student's"
    ),
    ("qwen2", "big.gguf: the teacher's token 270 is 'fo', expected '51', the student's"),
  ])
  func aTeacherOfAnotherVocabularyIsRefused(_ teacher: String, _ message: String) throws {
    let fixture = try FinetuningFixture("llama")
    let error = #expect(throws: ModelError.self) {
      _ = try DistillationModel(
        student: fixture.model(), tokenizer: GoldenModel.folder("llama").open().tokenizer,
        teacher: GoldenModel.folder(teacher).open(), location: "big.gguf", temperature: 1,
        weight: 0.5)
    }
    #expect(error?.description == message)
  }
}
