import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Losses and gradients of the first step against PyTorch; the tolerances are the fixtures' own.
@Suite struct GoldenTrainingTests {
  @Test(arguments: TrainingFixture.all, KernelLevel.available)
  func gradientsOfTheFirstStepEqualPyTorch(
    _ fixture: TrainingFixture, _ level: KernelLevel
  ) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let golden = try fixture.golden()
    let expected = try #require(golden["losses_float64"]?.array?.first?.double)
    try check(
      fixture.model(in: context), batch: fixture.batch(0), loss: expected,
      gradients: fixture.gradients("gradients.safetensors", in: context), golden)
  }

  @Test(arguments: TrainingFixture.all, KernelLevel.available)
  func gradientsWithSmoothingAndZLossAndIgnoredTargetsEqualPyTorch(
    _ fixture: TrainingFixture, _ level: KernelLevel
  ) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let golden = try fixture.golden()
    let both = try #require(golden["regularised"]?["both"])
    let index = try #require(golden["regularised"]?["batch"]?.integer)
    let batch = try fixture.batch(index)
    #expect(batch.targetCount < batch.targets.count)
    try check(
      fixture.model(options(both), in: context), batch: batch,
      loss: #require(both["loss_float64"]?.double),
      gradients: fixture.gradients("regularised.safetensors", in: context), golden)
  }

  @Test(arguments: TrainingFixture.all, ["plain", "smoothing", "z", "both"])
  func lossesWithEachOptionEqualPyTorch(_ fixture: TrainingFixture, _ name: String) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32)
    let golden = try fixture.golden()
    let values = try #require(golden["regularised"]?[name])
    let batch = try fixture.batch(#require(golden["regularised"]?["batch"]?.integer))
    let model = try fixture.model(options(values), in: context)
    let loss = try model.accumulateGradients(batch, scale: 0, dropoutKey: 0)
    let expected = try #require(values["loss_float64"]?.double)
    #expect(abs(loss.total / Double(loss.count) / expected - 1) < 1e-6)
    let plain = try #require(golden["regularised"]?["plain"]?["loss_float64"]?.double)
    #expect(abs(loss.negativeLogLikelihood / Double(loss.count) / plain - 1) < 1e-6)
    #expect(try model.evaluate(batch).total == loss.negativeLogLikelihood)
  }

  private func options(_ values: JSONValue) -> TrainingModelOptions {
    var options = TrainingModelOptions()
    options.labelSmoothing = Float(values["label_smoothing"]?.double ?? 0)
    options.zLoss = Float(values["z_loss"]?.double ?? 0)
    return options
  }

  private func check(
    _ model: TrainingModel, batch: TokenBatch, loss expected: Double, gradients: [Parameter],
    _ golden: JSONValue
  ) throws {
    let loss = try model.accumulateGradients(
      batch, scale: 1 / Float(batch.targetCount), dropoutKey: 0)
    #expect(abs(loss.total / Double(loss.count) / expected - 1) < 1e-6)
    let tolerance = try #require(golden["tolerance"]?["gradients"]?.double)
    var largest: [String: Double] = [:]
    for gradient in gradients {
      let peak = gradient.value.values.reduce(0) { max($0, Double(abs($1))) }
      largest.merge([storedName(gradient, model): peak], uniquingKeysWith: max)
    }
    for (parameter, wanted) in zip(model.parameters, gradients) {
      let found = try #require(parameter.gradient)
      let scale = try #require(largest[storedName(parameter, model)])
      let difference = largestDifference(found.values, wanted.value.values)
      #expect(
        Double(difference) < tolerance * scale,
        "\(parameter.name): \(difference) of \(scale)")
      #expect(scale > 0 && found.paddingIsZero)
    }
  }

  /// Query, key and value of gpt2 are one tensor there, whose largest element is the measure.
  private func storedName(_ parameter: Parameter, _ model: TrainingModel) -> String {
    guard model.configuration.architecture == "gpt2" else { return parameter.name }
    var name = parameter.name
    for part in [".query", ".key", ".value"] {
      if let range = name.firstRange(of: part) { name.replaceSubrange(range, with: ".attention") }
    }
    return name
  }
}
