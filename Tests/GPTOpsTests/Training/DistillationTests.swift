import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

/// The loss with row factors and with a teacher.
@Suite struct DistillationTests {
  struct Case: Sendable {
    var rows = 9
    var width = 5
    var teacherWidth = 3
    var vocabulary = 17
    var temperature: Float = 2
    var weight: Float = 0.5
    var smoothing: Float = 0
    /// Every so many rows are not counted.
    var ignores = 0
    var hasFactors = false
    var spread: Float = 1
    var logitsAtOnce = 64 << 20

    var loss: LossOptions {
      var options = LossOptions()
      options.logitsAtOnce = logitsAtOnce
      options.labelSmoothing = smoothing
      return options
    }

    var distillation: DistillationOptions {
      var options = DistillationOptions()
      options.temperature = temperature
      options.weight = weight
      return options
    }
  }

  static let cases = [
    Case(rows: 1, width: 1, teacherWidth: 1, vocabulary: 1),
    Case(rows: 2, width: 3, vocabulary: 15), Case(vocabulary: 16), Case(),
    Case(temperature: 1, weight: 1), Case(weight: 0, hasFactors: true),
    Case(vocabulary: 33, temperature: 3, weight: 0.9, ignores: 3),
    Case(rows: 18, width: 20, vocabulary: 61, temperature: 0.7, hasFactors: true),
    Case(smoothing: 0.1, ignores: 2, hasFactors: true), Case(vocabulary: 40, spread: 20),
    Case(ignores: 1), Case(rows: 50, ignores: 4, hasFactors: true, logitsAtOnce: 1024),
  ]

  private struct Inputs {
    let x: Tensor
    let weight: Parameter
    let teacherRows: Tensor
    let teacherWeight: Parameter
    var targets: [Int32]
    var factors: [Float]?
    let test: Case

    init(_ test: Case) {
      var random = TestRandom(seed: 41)
      self.test = test
      let values = random.floats(test.rows * test.width).map { $0 * test.spread }
      x = Tensor(rows: test.rows, values: values)
      weight = random.parameter(rows: test.vocabulary, columns: test.width)
      teacherRows = random.tensor(rows: test.rows, columns: test.teacherWidth)
      teacherWeight = random.parameter(rows: test.vocabulary, columns: test.teacherWidth)
      targets = (0..<test.rows).map { row in
        let target = Int32(random.next() % UInt64(test.vocabulary))
        return test.ignores > 0 && row % test.ignores == 0 ? -1 : target
      }
      // Negative and zero factors too: those of a preference loss have either sign.
      factors = test.hasFactors ? (0..<test.rows).map { $0 == 4 ? 0 : random.float() } : nil
    }

    func loss(
      gradients: (dx: Tensor, scale: Float)?, in context: ComputeContext,
      eachRow: ((Int, Double) -> Void)? = nil
    ) -> LossSum {
      let teacher = Teacher(
        rows: teacherRows, output: Linear(weight: .parameter(teacherWeight), bias: nil),
        options: test.distillation, context: context)
      return crossEntropy(
        x, weight: .parameter(weight), targets: targets, options: test.loss, rowFactors: factors,
        teacher: teacher, gradients: gradients, scratch: Workspace(), in: context,
        eachRow: eachRow)
    }

    /// The loss by its definition, in double precision.
    func expected(at point: [Double]) -> Double {
      let split = test.rows * test.width
      let own =
        DoubleMatrix(rows: test.rows, columns: test.width, elements: Array(point[..<split]))
        * DoubleMatrix(
          rows: test.vocabulary, columns: test.width, elements: Array(point[split...])
        ).transposed
      let taught = DoubleMatrix(teacherRows) * DoubleMatrix(teacherWeight.value).transposed
      let (share, temperature) = (Double(test.weight), Double(test.temperature))
      var sum = 0.0
      for (row, target) in targets.enumerated() where target >= 0 {
        let plain = logSoftmax(own.row(row), 1)
        let smoothing = Double(test.smoothing)
        let entropy =
          -(1 - smoothing) * plain[Int(target)]
          - smoothing * plain.reduce(0, +) / Double(plain.count)
        let q = logSoftmax(own.row(row), temperature)
        let p = logSoftmax(taught.row(row), temperature)
        let divergence = zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        sum +=
          Double(factors?[row] ?? 1)
          * ((1 - share) * entropy + share * temperature * temperature * divergence)
      }
      return sum
    }

    private func logSoftmax(_ logits: [Double], _ temperature: Double) -> [Double] {
      let scaled = logits.map { $0 / temperature }
      let peak = scaled.max() ?? 0
      let normaliser = peak + log(scaled.reduce(0) { $0 + exp($1 - peak) })
      return scaled.map { $0 - normaliser }
    }
  }

  @Test(arguments: KernelLevel.available, cases)
  func lossAndGradientsEqualTheDefinition(_ level: KernelLevel, _ test: Case) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let inputs = Inputs(test)
    let point = DoubleMatrix(inputs.x).elements + DoubleMatrix(inputs.weight.value).elements
    let expected = inputs.expected(at: point)
    let gradient = try #require(inputs.weight.gradient)
    var weightGradient = DoubleMatrix(gradient)
    let scale: Float = 0.37
    let differences = centralDifferences(at: point) { Double(scale) * inputs.expected(at: $0) }
    let dx = Tensor(rows: test.rows, values: [Float](repeating: 7, count: test.rows * test.width))
    let found = inputs.loss(gradients: (dx: dx, scale: scale), in: context)

    #expect(found.count == inputs.targets.filter { $0 >= 0 }.count)
    #expect(abs(found.total - expected) <= 3e-6 * max(1, abs(expected)), "\(found) \(expected)")
    let split = test.rows * test.width
    let largest = differences[..<split].map(abs).max() ?? 0
    let slopes = DoubleMatrix(
      rows: test.rows, columns: test.width, elements: Array(differences[..<split]))
    let scales = DoubleMatrix(
      rows: test.rows, columns: test.width,
      elements: [Double](repeating: max(0.1, largest), count: split))
    #expect(relativeDifference(dx, slopes, scales: scales) < 3e-6)
    for index in weightGradient.elements.indices {
      weightGradient.elements[index] += differences[split + index]
    }
    #expect(relativeDifference(gradient, weightGradient) < 3e-6)
    #expect(dx.paddingIsZero && gradient.paddingIsZero)
  }

  @Test(arguments: Numerics.all, cases)
  func theLossAloneIsTheLossWithGradients(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let dx = Tensor(rows: test.rows, columns: test.width)
    let trained = Inputs(test).loss(gradients: (dx: dx, scale: 1), in: context)
    let alone = Inputs(test).loss(gradients: nil, in: context)
    #expect(trained == alone)
    #expect(alone.total.isFinite)
  }

  @Test(arguments: Numerics.all, cases)
  func rowsThatAreNotCountedChangeNothing(_ numerics: Numerics, _ test: Case) throws {
    let context = try numerics.context()
    let results = [false, true].map { isOther -> (bits: [[UInt32]], ignored: [Float]) in
      let inputs = Inputs(test)
      let masked = inputs.targets.indices.filter { inputs.targets[$0] < 0 }
      let ignored = inputs.targets.indices.filter {
        inputs.targets[$0] < 0 || inputs.factors?[$0] == 0
      }
      if isOther {
        for row in ignored {
          inputs.x.row(row)[0] = masked.contains(row) ? .nan : 100
          inputs.teacherRows.row(row)[0] = masked.contains(row) ? .nan : -100
        }
      }
      let dx = Tensor(rows: test.rows, values: [Float](repeating: 7, count: test.rows * test.width))
      _ = inputs.loss(gradients: (dx: dx, scale: 1), in: context)
      let gradients = [dx] + [inputs.weight.gradient].compactMap { $0 }
      return (
        gradients.map { $0.values.map(\.bitPattern) },
        ignored.flatMap { row in (0..<test.width).map { dx.row(row)[$0] } }
      )
    }
    let isEqual = results[0].bits == results[1].bits
    #expect(isEqual)
    #expect(results[1].ignored.allSatisfy { $0 == 0 })
  }

  @Test(arguments: cases) func likelihoodsOfRowsAreToldInTheirOrder(_ test: Case) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32)
    let inputs = Inputs(test)
    var told: [(row: Int, likelihood: Double)] = []
    let sum = inputs.loss(gradients: nil, in: context) { told.append(($0, $1)) }
    #expect(told.map(\.row) == inputs.targets.indices.filter { inputs.targets[$0] >= 0 })
    let total = told.reduce(0) { $0 + $1.likelihood }
    #expect(abs(total - sum.negativeLogLikelihood) <= 1e-12 * total)
    for (row, likelihood) in told {
      var alone = inputs
      alone.targets = inputs.targets.indices.map { $0 == row ? inputs.targets[$0] : -1 }
      let found = alone.loss(gradients: nil, in: context).negativeLogLikelihood
      #expect(found == likelihood)
    }
  }

  /// The distance between two distributions that are nearly the same is not lost in rounding.
  @Test(arguments: KernelLevel.available)
  func aSmallDivergenceIsExact(_ level: KernelLevel) throws {
    let context = try ComputeContext(threadCount: 1, precision: .fp32, level: level)
    var test = Case(vocabulary: 37)
    (test.teacherWidth, test.weight) = (test.width, 1)
    let inputs = Inputs(test)
    for (target, source) in [
      (inputs.teacherRows, inputs.x), (inputs.teacherWeight.value, inputs.weight.value),
    ] {
      target.pointer.update(from: source.pointer, count: source.rows * source.stride)
    }
    #expect(abs(inputs.loss(gradients: nil, in: context).total) < 1e-6)
    for row in 0..<test.rows { inputs.teacherRows.row(row)[1] += 0.02 }
    let point = DoubleMatrix(inputs.x).elements + DoubleMatrix(inputs.weight.value).elements
    let (found, expected) = (inputs.loss(gradients: nil, in: context), inputs.expected(at: point))
    #expect(expected < 2e-3 && abs(found.total / expected - 1) < 1e-3, "\(found) \(expected)")
  }
}
