import GPTModel
import GPTOps
import GPTTensor
import GPTTraining
import TestSupport
import Testing

@Suite struct AdapterOverfittingTests {
  @Test(arguments: ModelShape.Family.allCases, [Precision.fp32, .bf16])
  func anAdapterLearnsOneBatchByHeart(
    _ family: ModelShape.Family, _ precision: Precision
  ) throws {
    let shape = ModelShape(
      family: family, blockCount: 2, width: 32, headCount: 4, contextLength: 16)
    let context = try ComputeContext(threadCount: 2, precision: precision)
    let base = TrainingModel(
      configuration: try shape.configuration(vocabularySize: 40),
      options: TrainingModelOptions(), context: context, seed: 5)
    // Random embeddings of a size that tells tokens apart; the rest is the adapter's to learn.
    for parameter in base.parameters where parameter.name == "tokenEmbedding" {
      for index in 0..<parameter.elementCount { parameter.value.pointer[index] *= 20 }
    }
    var options = AdapterOptions()
    options.alpha = 32
    let model = TrainingModel(
      adapting: base.transformer,
      adapter: Adapter(options: options, configuration: base.configuration, seed: 2),
      options: TrainingModelOptions())
    let batch = OverfittingTests.batch()
    let plain = try base.evaluate(batch).total / Double(batch.targetCount)
    let (first, last) = try OverfittingTests.losses(of: model, until: 0.05)
    #expect(plain == first)
    #expect(first > 3)
    #expect(last < 0.05)
  }
}
