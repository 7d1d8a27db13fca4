import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Gradients of adapters of whole models.
@Suite struct AdapterGradientTests {
  typealias Case = ModelGradientTests.Case

  static let cases = [
    Case(), Case(heads: 1, groups: 1, headWidth: 1, hidden: 1, length: 1, sequences: 1),
    Case(
      gated: true, heads: 3, groups: 1, headWidth: 6, hidden: 20, length: 67, blocks: 2,
      options: ModelGradientTests.options {
        $0.stepsAreOneBatch = true
        $0.restingBytes = 0
      }),
    Case(
      gated: true, heads: 4, groups: 2, headWidth: 6, blocks: 2, tied: false,
      options: ModelGradientTests.options {
        $0.checkpointsActivations = true
        $0.residualDropout = 0.1
        $0.attentionDropout = 0.2
      }),
  ]

  static func adapter(
    _ configuration: ModelConfiguration, _ change: (inout AdapterOptions) -> Void = { _ in }
  ) -> Adapter {
    var options = AdapterOptions()
    options.rank = 3
    options.alpha = 4
    change(&options)
    let adapter = Adapter(options: options, configuration: configuration, seed: 7)
    // Values large enough for differences to stand out of rounding; up begins with zeros.
    var random = TestRandom(seed: 13)
    for parameter in adapter.parameters {
      for row in 0..<parameter.value.rows {
        for column in 0..<parameter.value.columns {
          parameter.value.row(row)[column] = random.float() * 0.3
        }
      }
    }
    return adapter
  }

  static func model(
    _ test: Case, dropout: Float = 0, targets: Set<AdapterTarget>? = nil,
    precision: Precision = .fp32, threads: Int = 1
  ) throws -> (model: TrainingModel, base: TrainingModel) {
    let base = try ModelGradientTests.model(test, precision: precision, threads: threads)
    let adapter = Self.adapter(base.configuration) {
      $0.dropout = dropout
      $0.targets = targets ?? $0.targets
    }
    let model = TrainingModel(
      adapting: base.transformer, adapter: adapter, options: test.options)
    return (model, base)
  }

  @Test(arguments: cases, [Float(0), 0.3])
  func gradientsEqualCentralDifferences(_ test: Case, _ dropout: Float) throws {
    let model = try Self.model(test, dropout: dropout).model
    #expect(model.parameters.count == test.blocks * (test.gated ? 14 : 12))
    try expectGradientsEqualCentralDifferences(
      model, ModelGradientTests.batch(test), step: 0.003)
  }

  @Test(arguments: [[AdapterTarget.query, .value], [.key], [.down], [.attentionOutput, .gate]])
  func gradientsOfSomeTargetsEqualCentralDifferences(_ targets: [AdapterTarget]) throws {
    let model = try Self.model(Self.cases[2], targets: Set(targets)).model
    #expect(model.parameters.count == 4 * targets.count)
    try expectGradientsEqualCentralDifferences(
      model, ModelGradientTests.batch(Self.cases[2]), step: 0.003)
  }

  @Test(arguments: cases) func twoThreadsGiveTheSameGradients(_ test: Case) throws {
    let results = try [1, 2].map { threads -> [[Float]] in
      let model = try Self.model(
        test, dropout: 0.1, precision: .automatic, threads: threads
      ).model
      let loss = try model.accumulateGradients(
        ModelGradientTests.batch(test), scale: 1, dropoutKey: 9)
      return [[Float(loss.total)]] + model.parameters.map { $0.gradient?.values ?? [] }
    }
    #expect(results[0] == results[1])
  }

  @Test func onlyTheAdapterIsTrained() throws {
    let model = try Self.model(Self.cases[2]).model
    #expect(model.parameters.allSatisfy { $0.name.contains(".adapter") && $0.gradient != nil })
    #expect(model.modelParameters.isEmpty)
  }

  // A model of one element is normalised to a constant.
  @Test(arguments: cases.filter { $0.heads > 1 })
  func nothingIsAddedWhileTheAdapterIsOff(_ test: Case) throws {
    let (model, base) = try Self.model(test)
    let batch = ModelGradientTests.batch(test)
    let plain = try base.evaluate(batch)
    #expect(try model.evaluate(batch) != plain)
    let off = try model.withAdapterOff { () throws(ModelError) in try model.evaluate(batch) }
    #expect(off == plain)
    #expect(try model.evaluate(batch) != plain)
  }
}
