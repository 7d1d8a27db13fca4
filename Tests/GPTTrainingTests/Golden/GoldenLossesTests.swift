import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import GPTTraining
import TestSupport
import Testing

/// Ten steps of AdamW against PyTorch; the tolerance is the fixtures' own.
@Suite struct GoldenLossesTests {
  @Test(arguments: TrainingFixture.all, [false, true])
  func tenLossesAndGradientNormsEqualPyTorch(_ fixture: TrainingFixture, _ clips: Bool) throws {
    let golden = try fixture.golden()
    let run = clips ? try #require(golden["clipped"]) : golden
    func numbers(_ key: String) -> [Double] { (run[key]?.array ?? []).compactMap(\.double) }
    let (losses, norms) = (numbers("losses_float64"), numbers("gradient_norms"))
    try #require(losses.count == 10 && norms.count == 10)
    let tolerance = try #require(golden["tolerance"]?["losses"]?.double)
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    let model = try fixture.model(in: context)
    let optimizer = makeOptimizer(options(golden), parameters: model.parameters)
    let rate = try #require(golden["learning_rate"]?.double)
    for index in 0..<10 {
      let batch = try fixture.batch(index)
      model.zeroGradients()
      let loss = try model.accumulateGradients(
        batch, scale: 1 / Float(batch.targetCount), dropoutKey: 0)
      let found = loss.total / Double(loss.count)
      #expect(abs(found / losses[index] - 1) < tolerance, "step \(index): \(found)")
      let norm = gradientNorm(model.parameters, in: context)
      #expect(abs(norm / norms[index] - 1) < 1e-4, "step \(index): \(norm)")
      // The small number is that of torch.nn.utils.clip_grad_norm_.
      let clip = try #require(golden["clipped"]?["norm"]?.double)
      let scale = clips ? min(1, clip / (norm + 1e-6)) : 1
      optimizer.update(
        model.parameters, learningRate: Float(rate), step: index + 1,
        gradientScale: Float(scale), in: context)
    }
  }

  private func options(_ golden: JSONValue) -> OptimizerOptions {
    var options = OptimizerOptions(kind: .adamw)
    func float(_ value: JSONValue?) -> Float { Float(value?.double ?? .nan) }
    options.beta1 = float(golden["betas"]?.array?.first)
    options.beta2 = float(golden["betas"]?.array?.last)
    options.epsilon = float(golden["epsilon"])
    options.weightDecay = float(golden["weight_decay"])
    return options
  }
}
