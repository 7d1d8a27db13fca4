import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct EmbeddingTests {
  struct Case: Sendable {
    let width: Int
    let sequences: Int
    let length: Int
    let vocabulary: Int
    let hasPositions: Bool
  }

  /// Small vocabularies, so that ids repeat within and across sequences.
  static let cases = [
    Case(width: 1, sequences: 1, length: 1, vocabulary: 1, hasPositions: true),
    Case(width: 17, sequences: 3, length: 7, vocabulary: 4, hasPositions: true),
    Case(width: 48, sequences: 2, length: 33, vocabulary: 300, hasPositions: false),
    Case(width: 400, sequences: 5, length: 40, vocabulary: 9, hasPositions: true),
  ]

  private struct Inputs {
    let ids: [Int32]
    let tokens: Parameter
    let positions: Parameter?
    let dx: Tensor

    init(_ test: Case) {
      var random = TestRandom(seed: 41)
      let count = test.sequences * test.length
      ids = (0..<count).map { _ in Int32(random.next() % UInt64(test.vocabulary)) }
      tokens = random.parameter(rows: test.vocabulary, columns: test.width)
      // Positions that no sequence reaches.
      positions =
        test.hasPositions ? random.parameter(rows: test.length + 2, columns: test.width) : nil
      dx = random.tensor(rows: count, columns: test.width)
    }
  }

  @Test(arguments: KernelLevel.available, cases)
  func rowsAreTheirTokensPlusTheirPositions(_ level: KernelLevel, _ test: Case) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let inputs = Inputs(test)
    let x = Tensor(rows: inputs.ids.count, columns: test.width)
    embed(
      inputs.ids, places: inputs.ids.indices.map { Int32($0 % test.length) },
      tokens: inputs.tokens.value, positions: inputs.positions?.value, into: x, in: context)
    let expected = inputs.ids.enumerated().flatMap { row, id in
      (0..<test.width).map { column in
        let token = inputs.tokens.value.row(Int(id))[column]
        return inputs.positions.map { token + $0.value.row(row % test.length)[column] } ?? token
      }
    }
    #expect(x.values == expected)
    #expect(x.paddingIsZero)
  }

  @Test(arguments: KernelLevel.available, cases)
  func gradientsOfRepeatedIdsAddUp(_ level: KernelLevel, _ test: Case) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let inputs = Inputs(test)
    let tokens = try #require(inputs.tokens.gradient)
    var expected = DoubleMatrix(tokens)
    var positions = inputs.positions?.gradient.map { DoubleMatrix($0) }
    for (row, id) in inputs.ids.enumerated() {
      for column in 0..<test.width {
        expected[Int(id), column] += Double(inputs.dx.row(row)[column])
        positions?[row % test.length, column] += Double(inputs.dx.row(row)[column])
      }
    }
    embedBackward(
      inputs.dx, ids: inputs.ids, places: inputs.ids.indices.map { Int32($0 % test.length) },
      tokens: inputs.tokens, positions: inputs.positions, in: context)
    #expect(relativeDifference(tokens, expected) < 1e-6)
    #expect(tokens.paddingIsZero)
    if let found = inputs.positions?.gradient, let positions {
      #expect(relativeDifference(found, positions) < 1e-6)
      #expect(found.paddingIsZero)
    }
  }
}
