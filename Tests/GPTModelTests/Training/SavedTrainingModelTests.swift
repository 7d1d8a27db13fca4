import GPTModel
import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

/// A model that was trained is the model that is run, in memory and from its folder.
@Suite struct SavedTrainingModelTests {
  private func shape(_ family: ModelShape.Family) -> ModelShape {
    var shape = ModelShape(
      family: family, blockCount: 2, width: 36, headCount: 6, contextLength: 90)
    shape.keyValueHeadCount = family == .llama ? 2 : 6
    shape.tiedOutput = family == .gpt2
    return shape
  }

  /// A model after a few steps of plain gradient descent.
  private func trainedModel(_ family: ModelShape.Family, vocabularySize: Int) throws
    -> TrainingModel
  {
    let model = TrainingModel(
      configuration: try shape(family).configuration(vocabularySize: vocabularySize),
      options: TrainingModelOptions(),
      context: try ComputeContext(threadCount: 2, precision: .fp32), seed: 11)
    let batch = batch(vocabularySize)
    for _ in 0..<5 {
      for parameter in model.parameters { parameter.gradient?.clear() }
      _ = try model.accumulateGradients(
        batch, scale: 1 / Float(batch.targetCount), dropoutKey: 0)
      for parameter in model.parameters {
        guard let gradient = parameter.gradient else { continue }
        let (value, slope) = (parameter.value.pointer, gradient.pointer)
        for index in 0..<parameter.value.rows * parameter.value.stride {
          value[index] -= 2 * slope[index]
        }
      }
    }
    return model
  }

  private func batch(_ vocabularySize: Int) -> TokenBatch {
    var random = TestRandom(seed: 3)
    func ids() -> [Int32] { (0..<160).map { _ in Int32(random.next() % UInt64(vocabularySize)) } }
    return TokenBatch(sequenceCount: 2, length: 80, inputs: ids(), targets: ids())
  }

  /// Logits of a sequence that is run in two parts.
  private func logits(_ transformer: Transformer, _ ids: ArraySlice<Int32>) throws -> [Float] {
    let cache = transformer.makeCache()
    return try transformer.forward(Array(ids.prefix(30)), cache: cache, logits: .all)
      + transformer.forward(Array(ids.dropFirst(30)), cache: cache, logits: .all)
  }

  @Test(arguments: ModelShape.Family.allCases)
  func aSavedModelGivesTheLogitsOfTheTrainedOne(_ family: ModelShape.Family) throws {
    let tokenizer = GoldenModel.folder(family.rawValue)
    let vocabulary = try tokenizer.open().configuration.vocabularySize
    let model = try trainedModel(family, vocabularySize: vocabulary)
    let ids = batch(vocabulary).inputs.prefix(80)
    let expected = try logits(model.transformer, ids)
    let range = (expected.max() ?? 0) - (expected.min() ?? 0)
    #expect(expected.count == 80 * vocabulary && range > 0.5)
    try withTemporaryFolder { folder in
      try saveModel(
        configuration: model.configuration, parameters: model.parameters,
        values: { $0.value }, dtype: .f32, tokenizer: TokenizerCopy(folder: tokenizer.path),
        to: folder)
      let opened = try GoldenModel(name: family.rawValue, path: folder).open()
      #expect(opened.configuration == model.configuration)
      let found = try logits(opened.transformer, ids)
      #expect(largestDifference(found, expected) < 1e-5 * range)
    }
  }

  @Test(arguments: ModelShape.Family.allCases)
  func theLossIsThatOfTheLogitsWithACache(_ family: ModelShape.Family) throws {
    let model = try trainedModel(family, vocabularySize: 131)
    let batch = batch(131)
    var expected = 0.0
    for sequence in 0..<2 {
      let rows = try logits(model.transformer, batch.inputs[80 * sequence..<80 * sequence + 80])
      for position in 0..<80 {
        let row = rows[position * 131..<(position + 1) * 131].map(Double.init)
        let target = Int(batch.targets[80 * sequence + position])
        expected += log(row.reduce(0) { $0 + exp($1) }) - row[target]
      }
    }
    #expect(abs(try model.evaluate(batch).total / expected - 1) < 1e-6)
  }
}
