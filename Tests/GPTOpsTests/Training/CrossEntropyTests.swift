import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

@Suite struct CrossEntropyTests {
  struct Case: Sendable {
    var rows = 9
    var width = 5
    var vocabulary = 17
    var smoothing: Float = 0
    var zLoss: Float = 0
    /// Every so many rows are not counted.
    var ignores = 0
    var spread: Float = 1

    var options: LossOptions {
      var options = LossOptions()
      options.labelSmoothing = smoothing
      options.zLoss = zLoss
      return options
    }

    func targets(_ random: inout TestRandom) -> [Int32] {
      (0..<rows).map { row in
        let target = Int32(random.next() % UInt64(vocabulary))
        return ignores > 0 && row % ignores == 0 ? -100 : target
      }
    }
  }

  static let cases = [
    Case(rows: 1, width: 1, vocabulary: 1), Case(rows: 2, width: 3, vocabulary: 15),
    Case(vocabulary: 16), Case(), Case(rows: 18, width: 20, vocabulary: 61),
    Case(smoothing: 0.1), Case(vocabulary: 16, zLoss: 0.01), Case(zLoss: 1e-4, spread: 20),
    Case(smoothing: 0.2, zLoss: 0.1, ignores: 3), Case(ignores: 2), Case(ignores: 1),
    Case(vocabulary: 33, smoothing: 0.1, spread: 30),
  ]

  private struct Inputs {
    let x: Tensor
    let weight: Parameter
    let targets: [Int32]

    init(_ test: Case) {
      var random = TestRandom(seed: 37)
      let values = random.floats(test.rows * test.width).map { $0 * test.spread }
      x = Tensor(rows: test.rows, values: values)
      weight = random.parameter(rows: test.vocabulary, columns: test.width)
      targets = test.targets(&random)
    }

    /// Total loss and negative log likelihood over the counted rows.
    func losses(_ options: LossOptions, at point: [Double]) -> (total: Double, likelihood: Double) {
      let weights = Array(point[(x.rows * x.columns)...])
      var result = (total: 0.0, likelihood: 0.0)
      for (row, target) in targets.enumerated() where target >= 0 {
        let logits = (0..<weight.value.rows).map { token in
          (0..<x.columns).reduce(0) {
            $0 + point[row * x.columns + $1] * weights[token * x.columns + $1]
          }
        }
        let losses = rowLosses(logits, target: Int(target), options)
        result.total += losses.total
        result.likelihood += losses.likelihood
      }
      return result
    }

    private func rowLosses(
      _ logits: [Double], target: Int, _ options: LossOptions
    ) -> (total: Double, likelihood: Double) {
      let peak = logits.max() ?? 0
      let normaliser = peak + log(logits.reduce(0) { $0 + exp($1 - peak) })
      let likelihood = normaliser - logits[target]
      let (smoothing, z) = (Double(options.labelSmoothing), Double(options.zLoss))
      let uniform = normaliser - logits.reduce(0, +) / Double(logits.count)
      return (
        (1 - smoothing) * likelihood + smoothing * uniform + z * normaliser * normaliser,
        likelihood
      )
    }
  }

  @Test(arguments: KernelLevel.available, cases)
  func lossesAndGradientsEqualTheDefinition(_ level: KernelLevel, _ test: Case) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let inputs = Inputs(test)
    let point = DoubleMatrix(inputs.x).elements + DoubleMatrix(inputs.weight.value).elements
    let expected = inputs.losses(test.options, at: point)
    let gradient = try #require(inputs.weight.gradient)
    var weightGradient = DoubleMatrix(gradient)
    let factor: Float = 0.37
    let differences = centralDifferences(at: point) {
      Double(factor) * inputs.losses(test.options, at: $0).total
    }
    var random = TestRandom(seed: 1)
    let dx = random.tensor(rows: test.rows, columns: test.width)
    let found = crossEntropy(
      inputs.x, weight: .parameter(inputs.weight), targets: inputs.targets, options: test.options,
      gradients: (dx: dx, scale: factor), scratch: Workspace(), in: context)

    #expect(found.count == inputs.targets.filter { $0 >= 0 }.count)
    #expect(abs(found.total - expected.total) <= 2e-6 * max(1, abs(expected.total)))
    #expect(
      abs(found.negativeLogLikelihood - expected.likelihood)
        <= 2e-6 * max(1, abs(expected.likelihood)))
    let split = test.rows * test.width
    let slopes = DoubleMatrix(
      rows: test.rows, columns: test.width, elements: Array(differences[..<split]))
    let scales = DoubleMatrix(
      rows: test.rows, columns: test.width,
      elements: slopes.elements.map { _ in max(0.1, slopes.elements.map(abs).max() ?? 0) })
    #expect(relativeDifference(dx, slopes, scales: scales) < 3e-6)
    for index in weightGradient.elements.indices {
      weightGradient.elements[index] += differences[split + index]
    }
    #expect(relativeDifference(gradient, weightGradient) < 3e-6)
    #expect(dx.paddingIsZero && gradient.paddingIsZero)
  }

  /// bf16 products read a copy of x.
  @Test(arguments: Numerics.narrow, cases)
  func theGradientMayLieWhereXLay(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let gradients = try [true, false].map { isShared in
      let inputs = Inputs(test)
      let dx = isShared ? inputs.x : Tensor(rows: test.rows, columns: test.width)
      _ = crossEntropy(
        inputs.x, weight: .parameter(inputs.weight), targets: inputs.targets, options: test.options,
        gradients: (dx: dx, scale: 1), scratch: Workspace(), in: context)
      return (dx.values, try #require(inputs.weight.gradient).values)
    }
    #expect(gradients[0].0 == gradients[1].0)
    #expect(gradients[0].1 == gradients[1].1)
  }

  @Test(arguments: Numerics.all, cases)
  func theLossAloneIsTheLossWithGradients(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let losses = [true, false].map { isTraining in
      let inputs = Inputs(test)
      let dx = Tensor(rows: test.rows, columns: test.width)
      return crossEntropy(
        inputs.x, weight: .parameter(inputs.weight), targets: inputs.targets, options: test.options,
        gradients: isTraining ? (dx: dx, scale: 1) : nil, scratch: Workspace(), in: context)
    }
    #expect(losses[0] == losses[1])
    #expect(losses[0].total.isFinite)
  }

  /// A large vocabulary whose logits are made in three groups of rows. Its weights repeat, so that a
  /// normaliser has few terms: x[t] is a number, and a token's logit x[t] · few[token % 5003].
  @Test func groupsOfRowsAddUp() throws {
    let (rows, vocabulary, period) = (50, 300_000, 5003)
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    var random = TestRandom(seed: 8)
    let (x, few) = (random.tensor(rows: rows, columns: 1), random.floats(period))
    let weight = Parameter(
      name: "weight", value: Tensor(rows: vocabulary, columns: 1), decays: true)
    weight.prepareGradient()
    for token in 0..<vocabulary { weight.value.row(token)[0] = few[token % period] }
    let targets = (0..<rows).map { Int32($0 % 11 == 3 ? -1 : $0 * 5999) }
    let dx = Tensor(rows: rows, columns: 1)
    var options = LossOptions()
    options.logitsAtOnce = 16 * vocabulary
    let found = crossEntropy(
      x, weight: .parameter(weight), targets: targets, options: options,
      gradients: (dx: dx, scale: 1), scratch: Workspace(), in: context)

    let counts = (0..<period).map { Double((vocabulary - $0 + period - 1) / period) }
    var (total, slopes) = (0.0, DoubleMatrix(rows: rows, columns: 1))
    var expected = DoubleMatrix(rows: vocabulary, columns: 1)
    var shares = [Double](repeating: 0, count: period)
    for (row, target) in targets.enumerated() where target >= 0 {
      let value = Double(x.row(row)[0])
      let powers = few.map { exp(value * Double($0)) }
      let sum = zip(counts, powers).reduce(0) { $0 + $1.0 * $1.1 }
      total += log(sum) - value * Double(few[Int(target) % period])
      for (index, power) in powers.enumerated() {
        shares[index] += value * power / sum
        slopes[row, 0] += counts[index] * power / sum * Double(few[index])
      }
      slopes[row, 0] -= Double(few[Int(target) % period])
      expected[Int(target), 0] -= value
    }
    for token in 0..<vocabulary { expected[token, 0] += shares[token % period] }
    #expect(found.count == 45)
    #expect(abs(found.total / total - 1) < 1e-5)
    // 300,000 terms are added one after the other.
    #expect(relativeDifference(dx, slopes) < 3e-4)
    let gradient = try #require(weight.gradient)
    #expect(relativeDifference(gradient, expected) < 1e-6)
  }
}
