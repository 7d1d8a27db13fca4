import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Models of folders and .gguf files that are trained, whole, in part or with an adapter.
@Suite struct LoadedModelTests {
  private static func load(
    _ golden: GoldenModel, _ part: TrainablePart = .all, in context: ComputeContext
  ) throws -> TrainingModel {
    var options = TrainingModelOptions()
    // Has no effect where only a part is trained.
    options.stepsAreOneBatch = part != .all
    return try TrainingModel(
      loading: try TrainingSource.open(path: golden.path), trainable: part, options: options,
      context: context)
  }

  private static func batch(_ configuration: ModelConfiguration) -> TokenBatch {
    var random = TestRandom(seed: 17)
    let length = min(20, configuration.contextLength)
    func ids() -> [Int32] {
      (0..<2 * length).map { _ in
        Int32(random.next() % UInt64(configuration.vocabularySize))
      }
    }
    return TokenBatch(sequenceCount: 2, length: length, inputs: ids(), targets: ids())
  }

  @Test(arguments: GoldenModel.all) func parametersGiveTheModelsLogits(_ golden: GoldenModel) throws
  {
    let context = try ComputeContext(threadCount: 1, precision: .fp32)
    let transformer = try Self.load(golden, in: context).transformer
    let expected = try golden.expectation()
    let logits = try transformer.forward(
      expected.ids, cache: transformer.makeCache(), logits: .all)
    #expect(largestDifference(logits, expected.logits) < 1e-4 * max(expected.range, 1))
  }

  @Test(arguments: GoldenModel.all)
  func adaptersOverPackedWeightsLearnWhatTheyLearnOverParameters(_ golden: GoldenModel) throws {
    let opened = try golden.open()
    let batch = Self.batch(opened.configuration)
    let parameters = try Self.load(golden, in: try ComputeContext(threadCount: 1, precision: .fp32))
    let results = try [opened.transformer, parameters.transformer].map { base in
      let model = TrainingModel(
        adapting: base, adapter: AdapterGradientTests.adapter(opened.configuration),
        options: TrainingModelOptions())
      let loss = try model.accumulateGradients(batch, scale: 1, dropoutKey: 1)
      return (loss: loss.total, gradients: model.parameters.map { $0.gradient?.values ?? [] })
    }
    #expect(abs(results[0].loss - results[1].loss) < 1e-5 * results[0].loss)
    for (left, right) in zip(results[0].gradients, results[1].gradients) {
      let scale = max(right.map(abs).max() ?? 0, 1e-3)
      #expect(largestDifference(left, right) < 1e-4 * scale)
    }
  }

  @Test(arguments: ["gpt2", "llama", "qwen2"])
  func theLastBlocksHaveTheGradientsOfTheWholeModel(_ name: String) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    let whole = try Self.load(.folder(name), in: context)
    let part = try Self.load(.folder(name), .lastBlocks(1), in: context)
    let batch = Self.batch(whole.configuration)
    let losses = try [whole, part].map {
      try $0.accumulateGradients(batch, scale: 1, dropoutKey: 1).total
    }
    #expect(losses[0] == losses[1])
    let last = "blocks.\(whole.configuration.blockCount - 1)."
    let expected = whole.parameters.filter {
      $0.name.hasPrefix(last) || $0.name.hasPrefix("outputNorm")
    }
    #expect(part.parameters.map(\.name) == expected.map(\.name))
    for (found, wanted) in zip(part.parameters, expected) {
      #expect(found.gradient?.values == wanted.gradient?.values, "\(found.name)")
    }
    let trained = Set(part.parameters.map(\.name))
    #expect(part.modelParameters.map(\.name) == whole.parameters.map(\.name))
    #expect(part.modelParameters.allSatisfy { trained.contains($0.name) == ($0.gradient != nil) })
  }

  @Test func allBlocksButTheEmbeddingsCanBeTrained() throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32)
    let count = try TrainingSource.open(path: GoldenModel.folder("llama").path)
      .configuration.blockCount
    let model = try Self.load(.folder("llama"), .lastBlocks(count), in: context)
    let frozen = model.modelParameters.filter { $0.gradient == nil }.map(\.name)
    #expect(frozen.allSatisfy { ["tokenEmbedding", "output"].contains($0) })
    _ = try model.accumulateGradients(
      Self.batch(model.configuration), scale: 1, dropoutKey: 1)
    #expect(model.parameters.allSatisfy { $0.gradient?.values.contains { $0 != 0 } == true })
  }

  @Test(arguments: [0, -1, 100]) func blocksThatAreNotThereAreRefused(_ count: Int) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32)
    #expect {
      try Self.load(.folder("gpt2"), .lastBlocks(count), in: context)
    } throws: { error in
      "\(error)".contains("the number of blocks to train is \(count), expected 1…")
    }
  }

  @Test(arguments: GoldenModel.all, [Precision.automatic, .fp32])
  func anAdapterWhoseUpIsZeroLeavesTheLogits(
    _ golden: GoldenModel, _ precision: Precision
  ) throws {
    let opened = try golden.open(precision: precision, threads: 2)
    let adapter = Adapter(
      options: AdapterOptions(), configuration: opened.configuration, seed: 1)
    let ids = try golden.expectation().ids
    let results = try [
      opened.transformer, opened.transformer.adapted(by: [(adapter: adapter, scale: 2)]),
    ].map { transformer in
      let cache = transformer.makeCache()
      return try transformer.forward(ids, cache: cache, logits: .all)
        + transformer.forward([1], cache: cache, logits: .last)
    }
    #expect(results[0] == results[1])
  }

  @Test func adaptersAddUpByTheirScales() throws {
    let opened = try GoldenModel.folder("llama").open()
    let first = AdapterGradientTests.adapter(opened.configuration)
    let second = AdapterGradientTests.adapter(opened.configuration) { $0.targets = [.query, .up] }
    func logits(_ adapters: [(adapter: Adapter, scale: Float)]) throws -> [Float] {
      let transformer = opened.transformer.adapted(by: adapters)
      return try transformer.forward([1, 2, 3], cache: transformer.makeCache(), logits: .all)
    }
    let whole = try logits([(adapter: first, scale: 1)])
    let halves = try logits([(adapter: first, scale: 0.25), (adapter: first, scale: 0.75)])
    #expect(largestDifference(whole, halves) < 1e-4)
    let both = try logits([(adapter: first, scale: 1), (adapter: second, scale: 1)])
    #expect(largestDifference(whole, both) > 1e-2)
    let none = try logits([(adapter: first, scale: 0)])
    #expect(largestDifference(none, try logits([])) == 0)
  }
}
