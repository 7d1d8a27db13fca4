import GPTModel
import GPTOps
import GPTTensor
import GPTTraining
import Testing

@Suite struct ModelPresetTests {
  /// 124,439,808: GPT-2 small as Radford et al. published it, its output tied.
  @Test func thePresetOfGPT2HasItsPublishedNumberOfParameters() throws {
    let configuration = try ModelPreset.gpt2.shape().configuration(vocabularySize: 50_257)
    #expect(configuration.parameterCount == 124_439_808)
  }

  @Test(arguments: ModelShape.Family.allCases, [true, false])
  func countedParametersAreThoseOfTheModel(family: ModelShape.Family, tied: Bool) throws {
    var shape = ModelShape(
      family: family, blockCount: 3, width: 24, headCount: 4, contextLength: 7)
    shape.tiedOutput = tied
    if family == .llama { shape.keyValueHeadCount = 2 }
    let configuration = try shape.configuration(vocabularySize: 19)
    let model = TrainingModel(
      configuration: configuration, options: TrainingModelOptions(),
      context: try ComputeContext(threadCount: 1, precision: .fp32), seed: 1)
    let count = model.parameters.reduce(0) { $0 + $1.elementCount }
    #expect(configuration.parameterCount == count)
  }

  /// Heads, key/value heads, width, blocks.
  @Test(
    arguments: [
      ([5, 5, 24, 3], "model: width is 24, expected a multiple of the 5 heads"),
      (
        [8, 8, 24, 3],
        "model: width is 3 for each head, expected an even number (rotary positions)"
      ),
      ([4, 3, 24, 3], "model: key/value heads is 3, expected a divisor of the 4 heads"),
      ([4, 4, 24, 0], "model: blocks is 0, expected 1…16384"),
      ([4, 4, .max, 3], "model: width is 9223372036854775807, expected 1…1048576"),
    ])
  func dimensionsThatCannotBeAreNamed(dimensions: [Int], message: String) throws {
    var shape = ModelShape(
      family: .llama, blockCount: dimensions[3], width: dimensions[2], headCount: dimensions[0],
      contextLength: 7)
    shape.keyValueHeadCount = dimensions[1]
    #expect {
      try shape.configuration(vocabularySize: 19)
    } throws: { "\($0)" == message }
  }

  @Test func gpt2SharesNoHeads() throws {
    var shape = ModelShape(
      family: .gpt2, blockCount: 1, width: 24, headCount: 4, contextLength: 7)
    shape.keyValueHeadCount = 2
    #expect {
      try shape.configuration(vocabularySize: 19)
    } throws: { "\($0)" == "model: key/value heads is 2, expected 4, as gpt2 does not share them" }
  }
}
