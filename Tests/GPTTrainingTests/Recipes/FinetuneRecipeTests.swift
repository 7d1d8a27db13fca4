import GPTModel
import GPTTensor
import GPTTraining
import Testing

@Suite struct FinetuneRecipeTests {
  @Test(
    arguments: [
      ("lora", .lora), ("dpo", .dpo), ("full", .full),
      ("last-1-blocks", .lastBlocks(1)),
      ("last-12-blocks", .lastBlocks(12)),
    ] as [(String, FinetuneMethod)])
  func methodsHaveNames(name: String, method: FinetuneMethod) {
    #expect(FinetuneMethod(name) == method)
    #expect(method.description == name)
  }

  @Test(arguments: [
    "", "LoRA", "last-0-blocks", "last--1-blocks", "last-02-blocks", "last-blocks",
    "last-99999999999999999999-blocks", "last-1-blocks ",
  ])
  func otherNamesAreRefused(name: String) {
    #expect(FinetuneMethod(name) == nil)
  }

  /// A thousand short examples fill some 80 rows of 512 tokens.
  @Test(arguments: [(80, 512, 1), (800, 512, 8), (10_000, 512, 8), (1, 512, 1), (5000, 9000, 1)])
  func batchesGrowWithTheExamplesUpToWhatIsFast(rows: Int, length: Int, expected: Int) {
    #expect(
      FinetuneRecipe.sequenceCount(rowCount: rows, rowLength: length, accumulate: 1) == expected)
  }

  @Test func stepsShowEveryExampleAsOftenAsAsked() {
    let recipe = FinetuneRecipe(.lora, rowCount: 80, rowsPerStep: 3, epochs: 2.5, steps: nil)
    #expect(recipe.steps == 67)
    #expect(recipe.validateEvery == 6)
    #expect(recipe.warmupSteps == 3)
    let known = FinetuneRecipe(.full, rowCount: 80, rowsPerStep: 3, epochs: 2.5, steps: 1)
    #expect(known.steps == 1)
    #expect(known.validateEvery == 1)
    #expect(known.learningRate < recipe.learningRate)
    let huge = FinetuneRecipe(.lora, rowCount: .max, rowsPerStep: 1, epochs: 1e6, steps: nil)
    #expect(huge.steps == 1_000_000_000)
  }

  @Test func anAdapterNeedsLittleBesideItsBase() throws {
    let model = try ModelPreset.gpt2.shape().configuration(vocabularySize: 50_257)
    var options = AdapterOptions()
    options.targets = [.query, .down]
    let count = options.parameterCount(in: model)
    #expect(count == 12 * 8 * (768 + 768 + 3072 + 768))
    #expect(
      count
        == Adapter(options: options, configuration: model, seed: 1)
        .parameters.reduce(0) { $0 + $1.elementCount })
    let estimate = MemoryEstimate(
      model, trainedCount: count, frozenBytes: 90e6, sequenceCount: 1, microBatchCount: 1,
      optimizer: .adamw, hasAverage: false, checkpointsActivations: false)
    #expect(estimate.parameterBytes == Double(16 * count) + 90e6)
  }
}
