import GPTModel
import GPTOps
import Testing

@Suite struct PassCostTests {
  /// Every pair of tokens counted one by one; mistral's window is shorter than the longest prompt.
  @Test(arguments: ["gpt2", "llama", "mistral"], [1, 3, 40])
  func operationsOfAPromptAreThoseOfItsProducts(name: String, count: Int) throws {
    let model = try GoldenModel.folder(name).open()
    let shape = model.configuration
    var expected = 2 * shape.vocabularySize * shape.width
    let matrices =
      2 * (shape.headCount + shape.keyValueHeadCount) * shape.headWidth * shape.width
      + (shape.feedForward == .gatedSilu ? 3 : 2) * shape.width * shape.hiddenWidth
    for position in 0..<count {
      let seen = min(position + 1, shape.slidingWindow ?? .max)
      // A product and a sum with each key's and each value's element, in every query head.
      expected += shape.blockCount * (2 * matrices + 4 * shape.headCount * shape.headWidth * seen)
    }
    #expect(model.transformer.cost.promptOperations(tokenCount: count) == Double(expected))
  }

  @Test func aTokenReadsEveryWeightOnceAndTheKeysAndValuesBeforeIt() throws {
    let model = try GoldenModel.folder("llama").open(cacheType: .f32)
    let cost = model.transformer.cost
    let shape = model.configuration
    let perToken = cost.keyValueBytesPerToken
    #expect(perToken >= 2 * shape.blockCount * shape.keyValueHeadCount * shape.headWidth * 4)
    #expect(cost.decodeBytes(depth: 9) == Double(cost.weightBytes + 10 * perToken))
    let shared = cost.decodeBytes(depth: 9, sequenceCount: 4)
    #expect(shared == Double(cost.weightBytes) / 4 + Double(10 * perToken))
    // In fp32, padded: no fewer than the parameters but for the embedding, of which rows are read.
    let embedding = shape.vocabularySize * shape.width
    let multiplied = shape.parameterCount - (shape.tiedOutput ? 0 : embedding)
    #expect(cost.weightBytes >= 4 * multiplied)
    #expect(cost.weightBytes <= 8 * multiplied)
  }

  @Test func aWindowBoundsWhatATokenReads() throws {
    let model = try GoldenModel.folder("mistral").open()
    let cost = model.transformer.cost
    let window = try #require(model.configuration.slidingWindow)
    #expect(cost.decodeBytes(depth: 1e6) == cost.decodeBytes(depth: Double(window - 1)))
    #expect(cost.decodeBytes(depth: 0) < cost.decodeBytes(depth: Double(window - 1)))
  }
}
