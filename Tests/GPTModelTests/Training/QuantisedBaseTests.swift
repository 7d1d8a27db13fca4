import GPTModel
import GPTOps
import GPTTensor
import GPTWeights
import TestSupport
import Testing

/// Adapters over weights that are stored in 8 bits, with products in 8 bits.
@Suite struct QuantisedBaseTests {
  private struct Step {
    let loss: Double
    let gradients: [Float]

    /// Of the gradient of a new adapter on the model at `path`.
    init(_ path: String, precision: Precision, threads: Int, sequenceCount: Int = 2) throws {
      var options = ModelOptions()
      options.precision = precision
      options.threadCount = threads
      let opened = try OpenedModel.open(path: path, options: options)
      let model = TrainingModel(
        adapting: opened.transformer,
        adapter: AdapterGradientTests.adapter(opened.configuration),
        options: TrainingModelOptions())
      var random = TestRandom(seed: 17)
      func ids() -> [Int32] {
        (0..<20 * sequenceCount).map { _ in
          Int32(random.next() % UInt64(opened.configuration.vocabularySize))
        }
      }
      let batch = TokenBatch(
        sequenceCount: sequenceCount, length: 20, inputs: ids(), targets: ids())
      loss = try model.accumulateGradients(batch, scale: 1, dropoutKey: 1).total
      gradients = model.parameters.flatMap { $0.gradient?.values ?? [] }
    }
  }

  private static func withQuantised<Result>(
    _ name: String, _ body: (String) throws -> Result
  ) throws -> Result {
    let golden = try #require(GoldenModel.all.first { $0.name == name })
    return try withTemporaryFolder { folder in
      let path = folder + "/model.gguf"
      try SourceModel.open(path: golden.path).write(gguf: path, type: .q8_0)
      return try body(path)
    }
  }

  /// 60 sequences are more than go through the blocks at once in 8 bits.
  @Test(arguments: ["gpt2", "llama"], [2, 60])
  func productsIn8BitsChangeLossAndGradientsLittle(_ name: String, sequenceCount: Int) throws {
    try Self.withQuantised(name) { path in
      let (exact, rounded) = (
        try Step(path, precision: .fp32, threads: 1, sequenceCount: sequenceCount),
        try Step(path, precision: .int8, threads: 1, sequenceCount: sequenceCount)
      )
      #expect(abs(rounded.loss - exact.loss) < 0.005 * exact.loss)
      let product = zip(exact.gradients, rounded.gradients).reduce(0.0) {
        $0 + Double($1.0) * Double($1.1)
      }
      let sizes = [exact, rounded].map { step in
        step.gradients.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      }
      #expect(product / (sizes[0] * sizes[1]) > 0.999)
      #expect(abs(sizes[1] / sizes[0] - 1) < 0.01)
    }
  }

  @Test(arguments: ["gpt2", "llama"])
  func threadsChangeNoBitOfProductsIn8Bits(_ name: String) throws {
    try Self.withQuantised(name) { path in
      let results = try [1, 2, 3].map { try Step(path, precision: .int8, threads: $0) }
      #expect(results[0].loss == results[1].loss && results[0].loss == results[2].loss)
      #expect(results[0].gradients == results[1].gradients)
      #expect(results[0].gradients == results[2].gradients)
    }
  }
}
