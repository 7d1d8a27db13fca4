import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Losses of an adapter and the gradients of all its tensors against peft and PyTorch; the
/// tolerances are the fixtures' own.
@Suite struct GoldenFinetuningTests {
  @Test(arguments: FinetuningFixture.names, KernelLevel.available)
  func gradientsOfMaskedPromptsEqualPEFT(_ name: String, _ level: KernelLevel) throws {
    let fixture = try FinetuningFixture(name)
    for batch in try [
      TokenBatch(padding: fixture.sequences()), TokenBatch(packing: fixture.sequences()),
    ] {
      try check(fixture.model(level: level), batch, fixture, "supervised")
    }
  }

  @Test(arguments: FinetuningFixture.names, KernelLevel.available)
  func gradientsOfPreferencesEqualPEFT(_ name: String, _ level: KernelLevel) throws {
    let fixture = try FinetuningFixture(name)
    let model = PreferenceModel(
      try fixture.model(level: level), beta: try fixture.number("preference", "beta"))
    let batch = TokenBatch(padding: try fixture.answers())
    try check(model, batch, fixture, "preference")

    let statistics = model.takeTrainingStatistics()
    #expect(statistics.pairCount == batch.sequenceCount / 2)
    let golden = try #require(fixture.golden["preference"])
    let accuracy = try #require(golden["accuracy"]?.double)
    #expect(abs(try #require(statistics.accuracy) - accuracy) < 1e-12)
    let margin = try #require(golden["margin"]?.double)
    #expect(abs(try #require(statistics.meanMargin) / margin - 1) < 1e-4)
    #expect(model.takeTrainingStatistics().accuracy == nil)
  }

  @Test(arguments: FinetuningFixture.names, KernelLevel.available)
  func gradientsOfDistillationEqualPEFT(_ name: String, _ level: KernelLevel) throws {
    let fixture = try FinetuningFixture(name)
    for batch in try [
      TokenBatch(padding: fixture.sequences()), TokenBatch(packing: fixture.sequences()),
    ] {
      let model = try fixture.distillation(fixture.model(level: level), level: level)
      try check(model, batch, fixture, "distillation")
      // Evaluation is of the student alone.
      let plain = try #require(fixture.golden["supervised"]?["loss"]?.double)
      let found = try model.evaluate(batch)
      #expect(abs(found.total / Double(found.count) / plain - 1) < 1e-5)
    }
  }

  private func check(
    _ model: some TrainableModel, _ batch: TokenBatch, _ fixture: FinetuningFixture, _ part: String
  ) throws {
    let count = model.lossCount(of: batch)
    let loss = try model.accumulateGradients(batch, scale: 1 / Float(count), dropoutKey: 0)
    let expected = try #require(fixture.golden[part]?["loss"]?.double)
    let tolerance = try #require(fixture.golden["tolerance"])
    let bound = try #require(tolerance["losses"]?.double)
    #expect(loss.count == count)
    #expect(abs(loss.total / Double(count) / expected - 1) < bound, "\(loss) of \(expected)")

    let wanted = try fixture.tensors(part)
    let limit = try #require(tolerance["gradients"]?.double)
    #expect(Set(model.parameters.map(\.name)) == Set(wanted.keys))
    for parameter in model.parameters {
      let found = try #require(parameter.gradient).values
      let values = try #require(wanted[parameter.name]).values
      let largest = values.reduce(0) { max($0, abs($1)) }
      let difference = largestDifference(found, values)
      #expect(
        Double(difference) < limit * Double(largest),
        "\(parameter.name): \(difference) of \(largest)")
      #expect(largest > 0)
    }
  }
}
