import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Gradients of whole models, checked by central differences: independent of every backward.
@Suite struct ModelGradientTests {
  struct Case: Sendable {
    var gated = false
    var heads = 2
    var groups = 2
    var headWidth = 3
    var hidden = 7
    var vocabulary = 19
    var length = 5
    var sequences = 2
    var blocks = 1
    var tied = true
    var window: Int?
    var softCap: Float = 0
    var options = TrainingModelOptions()

    func configuration() throws -> ModelConfiguration {
      var shape = ModelShape(
        family: gated ? .llama : .gpt2, blockCount: blocks, width: heads * headWidth,
        headCount: heads, contextLength: length)
      shape.keyValueHeadCount = groups
      shape.hiddenWidth = hidden
      shape.tiedOutput = tied
      var result = try shape.configuration(vocabularySize: vocabulary)
      result.slidingWindow = window
      result.attentionSoftCap = softCap
      return result
    }
  }

  static func options(_ change: (inout TrainingModelOptions) -> Void) -> TrainingModelOptions {
    var options = TrainingModelOptions()
    change(&options)
    return options
  }

  static let cases = [
    Case(), Case(heads: 1, groups: 1, headWidth: 1, hidden: 1, length: 1, sequences: 1),
    Case(heads: 3, groups: 3, headWidth: 17, hidden: 33, vocabulary: 70, length: 70),
    Case(blocks: 2, tied: false),
    Case(gated: true, heads: 4, groups: 2, headWidth: 6, tied: false),
    Case(gated: true, heads: 3, groups: 1, headWidth: 18, hidden: 20, length: 67, window: 9),
    Case(length: 20, softCap: 0.5),
    Case(
      options: options {
        $0.labelSmoothing = 0.1
        $0.zLoss = 0.01
      }),
    Case(blocks: 2, options: options { $0.checkpointsActivations = true }),
    Case(
      length: 40,
      options: options {
        $0.attentionDropout = 0.3
        $0.residualDropout = 0.2
        $0.embeddingDropout = 0.1
      }),
  ]

  /// A model whose values are large enough for differences to stand out of rounding.
  static func model(_ test: Case, precision: Precision = .fp32, threads: Int = 1) throws
    -> TrainingModel
  {
    let context = try ComputeContext(threadCount: threads, precision: precision)
    let model = try TrainingModel(
      configuration: test.configuration(), options: test.options, context: context, seed: 3)
    var random = TestRandom(seed: 5)
    for parameter in model.parameters {
      for row in 0..<parameter.value.rows {
        for column in 0..<parameter.value.columns {
          let isGain = parameter.name.hasSuffix("Gain")
          parameter.value.row(row)[column] = random.float() * 0.5 + (isGain ? 1 : 0)
        }
      }
    }
    return model
  }

  static func batch(_ test: Case) -> TokenBatch {
    var random = TestRandom(seed: 11)
    let count = test.sequences * test.length
    func ids() -> [Int32] {
      (0..<count).map { _ in Int32(random.next() % UInt64(test.vocabulary)) }
    }
    var targets = ids()
    if count > 3 { targets[2] = -1 }
    return TokenBatch(
      sequenceCount: test.sequences, length: test.length, inputs: ids(), targets: targets)
  }

  @Test(arguments: cases) func gradientsEqualCentralDifferences(_ test: Case) throws {
    let model = try Self.model(test)
    let batch = Self.batch(test)
    try expectGradientsEqualCentralDifferences(model, batch)
  }

  @Test(arguments: cases) func twoThreadsGiveTheSameGradients(_ test: Case) throws {
    let results = try [1, 2].map { threads -> [[Float]] in
      let model = try Self.model(test, precision: .automatic, threads: threads)
      let loss = try model.accumulateGradients(Self.batch(test), scale: 1, dropoutKey: 9)
      return [[Float(loss.total)]] + model.parameters.map { $0.gradient?.values ?? [] }
    }
    #expect(results[0] == results[1])
  }

  @Test func checkpointedActivationsGiveTheSameGradients() throws {
    var test = Case(blocks: 3, options: Self.options { $0.residualDropout = 0.1 })
    let results = try [false, true].map { checkpoints -> [[Float]] in
      test.options.checkpointsActivations = checkpoints
      let model = try Self.model(test)
      _ = try model.accumulateGradients(Self.batch(test), scale: 1, dropoutKey: 9)
      return model.parameters.map { $0.gradient?.values ?? [] }
    }
    #expect(results[0] == results[1])
  }

  @Test(arguments: [false, true]) func nothingIsAllocatedAfterTheFirstStep(
    _ sharesMemory: Bool
  ) throws {
    let options = Self.options {
      $0.stepsAreOneBatch = sharesMemory
      $0.restingBytes = sharesMemory ? 0 : .infinity
    }
    let test = Case(blocks: 3, options: options)
    let model = try Self.model(test, precision: .automatic, threads: 2)
    let batch = Self.batch(test)
    func step() throws {
      model.zeroGradients()
      _ = try model.accumulateGradients(batch, scale: 1, dropoutKey: 1)
    }
    for _ in 0..<2 { try step() }
    // Other tests allocate at the same time; a step that allocates never leaves the count alone.
    let isStill = try (0..<200).contains { _ in
      let before = AlignedBuffer.allocationCount
      for _ in 0..<3 { try step() }
      return AlignedBuffer.allocationCount == before
    }
    #expect(isStill)
  }
}

/// Compares some elements of every parameter's gradient, the first and the last among them.
func expectGradientsEqualCentralDifferences(
  _ model: TrainingModel, _ batch: TokenBatch, step: Float = 0.01,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  func loss() throws -> Double {
    // The same forward pass as training's, dropout and smoothing included.
    try model.accumulateGradients(batch, scale: 0, dropoutKey: 9).total
  }
  _ = try model.accumulateGradients(batch, scale: 1, dropoutKey: 9)
  let gradients = model.parameters.map { $0.gradient?.values ?? [] }
  for (parameter, gradient) in zip(model.parameters, gradients) {
    let scale = gradient.map(abs).max() ?? 0
    let places = Set([0, gradient.count / 3, gradient.count / 2, gradient.count - 1])
    for place in places {
      let (row, column) = (place / parameter.value.columns, place % parameter.value.columns)
      let address = parameter.value.row(row) + column
      let before = address.pointee
      address.pointee = before + step
      let above = try loss()
      address.pointee = before - step
      let below = try loss()
      address.pointee = before
      let expected = (above - below) / Double(2 * step)
      let difference = abs(Double(gradient[place]) - expected)
      #expect(
        difference < 3e-3 * Double(max(scale, 0.3)),
        "\(parameter.name)[\(place)]: \(gradient[place]), expected \(expected)",
        sourceLocation: sourceLocation)
    }
  }
}
