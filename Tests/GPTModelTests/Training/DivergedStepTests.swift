import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct DivergedStepTests {
  /// Training goes back to good weights after NaN: no activation or gradient that was NaN may
  /// return from the memory that steps share, the padding of rows included.
  @Test(arguments: ModelShape.Family.allCases, [Precision.fp32, .bf16])
  func aStepAfterNotANumberIsAsIfItNeverWas(
    _ family: ModelShape.Family, _ precision: Precision
  ) throws {
    var test = ModelGradientTests.Case(gated: family == .llama, heads: 3, groups: 3, headWidth: 6)
    test.hidden = 18
    test.blocks = 2
    let batch = ModelGradientTests.batch(test)
    let results = try [false, true].map { diverges -> [[Float]] in
      let model = try ModelGradientTests.model(test, precision: precision)
      if diverges {
        for parameter in model.parameters { try step(model, batch, with: .nan, in: parameter) }
      }
      for parameter in model.parameters { parameter.gradient?.clear() }
      let loss = try model.accumulateGradients(batch, scale: 1, dropoutKey: 1)
      #expect(loss.total.isFinite)
      return model.parameters.map { $0.gradient?.values ?? [] }
    }
    let isEqual = results[0] == results[1]
    #expect(isEqual)
    #expect(results[0].joined().allSatisfy { $0.isFinite })
  }

  private func step(
    _ model: TrainingModel, _ batch: TokenBatch, with bad: Float, in parameter: Parameter
  ) throws {
    let before = parameter.value.row(0)[0]
    parameter.value.row(0)[0] = bad
    _ = try model.accumulateGradients(batch, scale: 1, dropoutKey: 1)
    parameter.value.row(0)[0] = before
  }
}
