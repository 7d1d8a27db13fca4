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
    var optimizerOptions = OptimizerOptions(kind: .adamw)
    optimizerOptions.weightDecay = 0
    let optimizer = makeOptimizer(optimizerOptions, parameters: model.parameters)
    let first = try model.evaluate(batch).total / Double(batch.targetCount)
    #expect(try base.evaluate(batch).total / Double(batch.targetCount) == first)
    var last = first
    for step in 1...400 where last >= 0.05 {
      zeroGradients(model.parameters, in: context)
      let loss = try model.accumulateGradients(
        batch, scale: 1 / Float(batch.targetCount), dropoutKey: 0)
      last = loss.total / Double(loss.count)
      let scale = min(1, 1 / gradientNorm(model.parameters, in: context))
      optimizer.update(
        model.parameters, learningRate: 1e-2, step: step, gradientScale: Float(scale), in: context)
    }
    #expect(first > 3)
    #expect(last < 0.05)
  }
}
