import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// Several documents in one row.
@Suite struct PackedSequenceTests {
  typealias Case = ModelGradientTests.Case

  /// Lengths of the documents of a row.
  static let rows = [[3, 4], [1, 64, 1, 10], [70, 66], [5, 60, 65]]

  private static func batches(_ lengths: [Int], vocabulary: Int) -> (
    packed: TokenBatch, alone: [TokenBatch]
  ) {
    var random = TestRandom(seed: 3)
    var (inputs, targets, starts): ([Int32], [Int32], [Int32]) = ([], [], [])
    var alone: [TokenBatch] = []
    for length in lengths {
      func ids() -> [Int32] { (0..<length).map { _ in Int32(random.next() % UInt64(vocabulary)) } }
      let document = TokenBatch(
        sequenceCount: 1, length: length, inputs: ids(), targets: ids())
      alone.append(document)
      starts += [Int32](repeating: Int32(inputs.count), count: length)
      inputs += document.inputs
      targets += document.targets
    }
    // A second row that is one document.
    let count = inputs.count
    let whole = TokenBatch(
      sequenceCount: 1, length: count, inputs: targets, targets: inputs)
    alone.append(whole)
    return (
      TokenBatch(
        sequenceCount: 2, length: count, inputs: inputs + whole.inputs,
        targets: targets + whole.targets,
        segmentStarts: starts + [Int32](repeating: 0, count: count)), alone
    )
  }

  @Test(arguments: [false, true], rows)
  func documentsInOneRowGiveTheLossAndGradientsOfEachAlone(
    _ isGated: Bool, _ lengths: [Int]
  ) throws {
    let test = Case(
      gated: isGated, heads: 4, groups: isGated ? 2 : 4, headWidth: 6, length: 140, blocks: 2)
    let (packed, alone) = Self.batches(lengths, vocabulary: test.vocabulary)
    let models = try [ModelGradientTests.model(test), ModelGradientTests.model(test)]
    let found = try models[0].accumulateGradients(packed, scale: 1, dropoutKey: 1)
    var expected = LossSum()
    for batch in alone {
      expected += try models[1].accumulateGradients(batch, scale: 1, dropoutKey: 1)
    }
    #expect(found.count == expected.count)
    #expect(abs(found.total - expected.total) < 1e-6 * expected.total)
    for (left, right) in zip(models[0].parameters, models[1].parameters) {
      let (found, wanted) = (left.gradient?.values ?? [], right.gradient?.values ?? [])
      let scale = max(wanted.map(abs).max() ?? 0, 1)
      #expect(largestDifference(found, wanted) < 2e-5 * scale, "\(left.name)")
    }
    let losses = try alone.map { try models[1].evaluate($0).total }.reduce(0, +)
    let evaluated = try models[0].evaluate(packed).total
    #expect(abs(evaluated - losses) < 1e-6 * losses)
  }

  @Test func gradientsOfPackedDocumentsEqualCentralDifferences() throws {
    let test = Case(gated: true, heads: 4, groups: 2, headWidth: 6, length: 70, sequences: 2)
    let model = try ModelGradientTests.model(test)
    let plain = ModelGradientTests.batch(test)
    let starts = (0..<140).map { token -> Int32 in
      [0, 9, 64].last { $0 <= token % 70 } ?? 0
    }
    try expectGradientsEqualCentralDifferences(
      model,
      TokenBatch(
        sequenceCount: 2, length: 70, inputs: plain.inputs, targets: plain.targets,
        segmentStarts: starts))
  }
}
