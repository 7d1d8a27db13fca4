import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Memory that a step uses twice, and activations that rest in bf16: neither may change what is
/// learned.
@Suite struct BlockMemoryTests {
  /// Gradients of the second of two steps on different batches.
  private func gradients(
    _ test: ModelGradientTests.Case, precision: Precision
  ) throws -> [[Float]] {
    let model = try ModelGradientTests.model(test, precision: precision, threads: 2)
    var shorter = test
    shorter.length = max(1, test.length / 2)
    // The first step fills the memory with a shape of its own, and with numbers to be forgotten.
    for batch in [ModelGradientTests.batch(shorter), ModelGradientTests.batch(test)] {
      model.zeroGradients()
      _ = try model.accumulateGradients(batch, scale: 1, dropoutKey: 4)
    }
    return model.parameters.map { $0.preparedGradient.values }
  }

  static let shapes = [
    ModelGradientTests.Case(blocks: 1), ModelGradientTests.Case(length: 1, blocks: 4),
    ModelGradientTests.Case(heads: 3, groups: 3, headWidth: 17, hidden: 33, length: 70, blocks: 3),
    ModelGradientTests.Case(
      gated: true, heads: 4, groups: 2, headWidth: 6, length: 9, blocks: 5, tied: false),
  ]

  @Test(arguments: shapes, [Precision.fp32, .bf16])
  func gradientsInTheMemoryOfActivationsAreTheSame(
    _ shape: ModelGradientTests.Case, _ precision: Precision
  ) throws {
    var test = shape
    test.options.residualDropout = 0.1
    let apart = try gradients(test, precision: precision)
    test.options.stepsAreOneBatch = true
    let shared = try gradients(test, precision: precision)
    let isEqual = apart == shared
    #expect(isEqual)
    #expect(apart.contains { $0.contains { $0 != 0 } })
  }

  @Test(arguments: shapes) func restingInBF16ChangesGradientsByItsRoundingOnly(
    _ shape: ModelGradientTests.Case
  ) throws {
    var test = shape
    test.options.stepsAreOneBatch = true
    test.options.restingBytes = .infinity
    let active = try gradients(test, precision: .bf16)
    test.options.restingBytes = 0
    let resting = try gradients(test, precision: .bf16)
    var (error, whole) = (0.0, 0.0)
    for (one, other) in zip(active.joined(), resting.joined()) {
      error += Double((one - other) * (one - other))
      whole += Double(one * one)
    }
    // bf16 has 8 bits: a relative error of 1/256 at most for each rounding.
    #expect(error.squareRoot() < 0.02 * whole.squareRoot(), "\(error) of \(whole)")
    // Without bf16 products nothing rests: whether that is so must show, or this test cannot fail.
    let rounds = try ComputeContext(threadCount: 1, precision: .bf16).multipliesNarrow
    #expect((error > 0) == rounds)
  }

  @Test(arguments: [(1, 1), (3, 16), (2, 50)]) func narrowCopiesComeBackRounded(
    _ rows: Int, _ columns: Int
  ) throws {
    let context = try ComputeContext(threadCount: 2, precision: .bf16)
    let tensor = Tensor(rows: rows, columns: columns)
    var random = TestRandom(seed: 3)
    for row in 0..<rows {
      for column in 0..<columns { tensor.row(row)[column] = random.float() }
    }
    let before = tensor.values
    let copy = NarrowCopy(of: tensor, in: Workspace(), context: context)
    tensor.clear()
    copy.widen(into: tensor, context: context)
    for (old, new) in zip(before, tensor.values) {
      #expect(abs(old - new) <= abs(old) / 256)
      #expect(new.bitPattern & 0xffff == 0)
    }
  }
}
