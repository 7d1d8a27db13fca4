import GPTModel
import GPTOps
import GPTTraining
import TestSupport
import Testing

@Suite struct OverfittingTests {
  @Test(arguments: ModelShape.Family.allCases, [Precision.fp32, .bf16])
  func aTinyModelLearnsOneBatchByHeart(
    _ family: ModelShape.Family, _ precision: Precision
  ) throws {
    let shape = ModelShape(
      family: family, blockCount: 2, width: 32, headCount: 4, contextLength: 16)
    let context = try ComputeContext(threadCount: 2, precision: precision)
    let model = TrainingModel(
      configuration: try shape.configuration(vocabularySize: 40),
      options: TrainingModelOptions(), context: context, seed: 5)
    let (first, last) = try Self.losses(of: model, until: 0.01)
    // A new model knows nothing: ln 40.
    #expect(abs(first - 3.69) < 0.2)
    #expect(last < 0.01)
  }

  /// The loss on the batch before training and after 400 steps of AdamW, or fewer when it is below
  /// `goal` by then.
  static func losses(of model: TrainingModel, until goal: Double) throws -> (Double, Double) {
    let batch = batch()
    var options = OptimizerOptions(kind: .adamw)
    options.weightDecay = 0
    let optimizer = makeOptimizer(options, parameters: model.parameters)
    let first = try model.evaluate(batch).total / Double(batch.targetCount)
    var last = first
    for step in 1...400 where last >= goal {
      model.zeroGradients()
      let loss = try model.accumulateGradients(
        batch, scale: 1 / Float(batch.targetCount), dropoutKey: 0)
      last = loss.total / Double(loss.count)
      let scale = min(1, 1 / gradientNorm(model.parameters, in: model.context))
      optimizer.update(
        model.parameters, learningRate: 1e-2, step: step, gradientScale: Float(scale),
        in: model.context)
    }
    return (first, last)
  }

  /// Four sequences of random tokens, each with a first token of its own.
  static func batch() -> TokenBatch {
    var random = TestRandom(seed: 21)
    var inputs: [Int32] = []
    var targets: [Int32] = []
    for sequence in 0..<4 {
      let tokens = [Int32(sequence)] + (0..<16).map { _ in Int32(random.next() % 40) }
      inputs += tokens.dropLast()
      targets += tokens.dropFirst()
    }
    return TokenBatch(sequenceCount: 4, length: 16, inputs: inputs, targets: targets)
  }
}
