import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct SequenceAttentionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var heads = 2
    var groups = 2
    var width = 5
    var length = 7
    var sequences = 1
    var window: Int?
    var softCap: Float = 0
    var dropped: Float = 0
    /// Where documents start within every sequence.
    var documents: [Int] = []

    var shape: AttentionShape {
      AttentionShape(
        headCount: heads, keyValueHeadCount: groups, headWidth: width,
        scale: 1 / Float(width).squareRoot(), softCap: softCap, window: window)
    }
    var sequenceShape: SequenceShape {
      let starts = (0..<sequences * length).map { row in
        Int32(documents.last { $0 <= row % length } ?? 0)
      }
      return SequenceShape(
        count: sequences, length: length, firstVisible: documents.isEmpty ? nil : starts)
    }
    var dropout: Dropout? {
      dropped > 0 ? Dropout(probability: dropped, key: 0x1234_5678) : nil
    }

    var testDescription: String {
      "\(sequences) × \(length), \(heads) heads, \(groups) groups of \(width)"
        + (window.map { ", window \($0)" } ?? "") + (softCap > 0 ? ", cap \(softCap)" : "")
        + (dropped > 0 ? ", dropout \(dropped)" : "")
        + (documents.isEmpty ? "" : ", documents at \(documents)")
    }
  }

  /// Tiles are 64 tokens; windows end inside, at and beyond their edges.
  static let cases = [
    Case(heads: 1, groups: 1, width: 1, length: 1), Case(length: 1, sequences: 3),
    Case(length: 63, sequences: 2), Case(heads: 1, groups: 1, width: 16, length: 64),
    Case(heads: 3, groups: 1, width: 17, length: 65), Case(length: 130),
    Case(heads: 6, groups: 2, width: 20, length: 33, sequences: 3),
    Case(heads: 4, groups: 2, width: 8, length: 130, sequences: 2),
    Case(length: 65, window: 1), Case(length: 130, window: 63), Case(length: 130, window: 64),
    Case(length: 130, window: 65), Case(length: 70, window: 500),
    Case(heads: 4, groups: 2, length: 130, softCap: 0.7), Case(length: 65, softCap: 30),
    Case(length: 65, dropped: 0.3),
    Case(heads: 4, groups: 2, length: 130, sequences: 2, dropped: 0.1),
    Case(heads: 4, groups: 1, length: 100, sequences: 2, window: 40, softCap: 2, dropped: 0.5),
    Case(length: 7, documents: [3]), Case(length: 130, sequences: 2, documents: [1, 64, 65, 129]),
    Case(heads: 4, groups: 2, length: 200, documents: [63, 150]),
    Case(length: 130, window: 20, softCap: 2, dropped: 0.3, documents: [70]),
  ]

  private struct Inputs {
    let queries: Tensor
    let keys: Tensor
    let values: Tensor
    let dout: Tensor
    let reference: AttentionReference

    init(_ test: Case, in context: ComputeContext) {
      let rows = test.sequences * test.length
      var random = TestRandom(seed: 19)
      func tensor(_ heads: Int, scale: Float = 1) -> Tensor {
        Tensor(rows: rows, values: random.floats(rows * heads * test.width).map { $0 * scale })
      }
      queries = tensor(test.heads, scale: 3)
      keys = tensor(test.groups, scale: 3)
      values = tensor(test.groups)
      dout = tensor(test.heads)
      var reference = AttentionReference(sequences: test.sequenceShape, shape: test.shape)
      if let dropout = test.dropout {
        let factors = attentionKeepFactors(
          dropout, sequences: SequenceShape(count: test.sequences, length: test.length),
          headCount: test.heads, in: context)
        reference.keep = { factors[$0][$1, $2] }
      }
      self.reference = reference
    }
  }

  @Test(arguments: KernelLevel.available, cases)
  func forwardAndBackwardEqualTheDefinition(_ level: KernelLevel, _ test: Case) throws {
    try check(
      test, in: try ComputeContext(threadCount: 2, precision: .fp32, level: level), limit: 5e-6)
  }

  @Test(arguments: Numerics.narrow, cases)
  func narrowProductsStayWithinBf16Rounding(_ numerics: Numerics, _ test: Case) throws {
    try check(test, in: try numerics.context(), limit: 3e-2)
  }

  private func check(_ test: Case, in context: ComputeContext, limit: Double) throws {
    let inputs = Inputs(test, in: context)
    let (q, k, v) = (
      DoubleMatrix(inputs.queries), DoubleMatrix(inputs.keys), DoubleMatrix(inputs.values)
    )
    let rows = test.sequences * test.length
    let out = Tensor(rows: rows, columns: test.heads * test.width)
    let logSums = Tensor(rows: test.sequences * test.heads, columns: test.length)
    attendSequences(
      queries: inputs.queries, keys: inputs.keys, values: inputs.values,
      sequences: test.sequenceShape, shape: test.shape, dropout: test.dropout, into: out,
      logSums: logSums, in: context)
    let expected = inputs.reference.forward(queries: q, keys: k, values: v)
    #expect(relativeDifference(out, expected.out) < limit)
    #expect(relativeDifference(logSums, expected.logSums) < limit)

    var random = TestRandom(seed: 2)
    let found = [test.heads, test.groups, test.groups].map {
      random.tensor(rows: rows, columns: $0 * test.width)
    }
    attendSequencesBackward(
      inputs.dout, out: out, queries: inputs.queries, keys: inputs.keys, values: inputs.values,
      logSums: logSums, sequences: test.sequenceShape, shape: test.shape, dropout: test.dropout,
      dqueries: found[0], dkeys: found[1], dvalues: found[2], scratch: Workspace(), in: context)
    let gradients = inputs.reference.gradients(
      DoubleMatrix(inputs.dout), queries: q, keys: k, values: v)
    let all = [gradients.queries, gradients.keys, gradients.values]
    let scale = all.flatMap(\.elements).map(abs).max() ?? 0
    for (tensor, wanted) in zip(found, all) {
      // The softmax of one token has no gradient: compare with the largest of all three.
      let scales = DoubleMatrix(
        rows: wanted.rows, columns: wanted.columns,
        elements: wanted.elements.map { _ in scale })
      #expect(relativeDifference(tensor, wanted, scales: scales) < limit)
    }
    #expect(([out, logSums] + found).allSatisfy { $0.paddingIsZero })
  }

  @Test(arguments: KernelLevel.available, [Float(0.1), 0.5])
  func attentionDropsItsShareAndScalesTheRest(_ level: KernelLevel, _ share: Float) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let factors = attentionKeepFactors(
      Dropout(probability: share, key: 77), sequences: SequenceShape(count: 2, length: 130),
      headCount: 3, in: context)
    var (dropped, wrong, count) = (0, 0, 0)
    for matrix in factors {
      for query in 0..<130 {
        for key in 0...query {
          let factor = matrix[query, key]
          count += 1
          dropped += factor == 0 ? 1 : 0
          let isScaled = abs(factor * (1 - Double(share)) - 1) < 1e-6
          wrong += factor == 0 || isScaled ? 0 : 1
        }
      }
    }
    #expect(wrong == 0)
    // 51,090 weights: four standard deviations are at most 0.009.
    #expect(abs(Double(dropped) / Double(count) - Double(share)) < 0.009)
    #expect(factors[0].elements != factors[1].elements)
    #expect(factors[0].elements != factors[3].elements)
  }
}
