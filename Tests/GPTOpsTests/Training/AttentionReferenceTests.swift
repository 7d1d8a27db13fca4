import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct AttentionReferenceTests {
  static let shapes = [
    AttentionShape(
      headCount: 1, keyValueHeadCount: 1, headWidth: 2, scale: 1, softCap: 0, window: nil),
    AttentionShape(
      headCount: 4, keyValueHeadCount: 2, headWidth: 3, scale: 0.7, softCap: 0, window: 3),
    AttentionShape(
      headCount: 2, keyValueHeadCount: 1, headWidth: 1, scale: 2, softCap: 0.8, window: nil),
  ]

  /// What the kernels are compared with is itself compared with differences of its forward pass.
  @Test(arguments: shapes)
  func gradientsOfTheDefinitionEqualCentralDifferences(_ shape: AttentionShape) {
    let sequences = SequenceShape(count: 2, length: 5)
    let reference = AttentionReference(sequences: sequences, shape: shape) { head, query, key in
      (head + query * 3 + key * 5) % 4 == 0 ? 0 : 1.25
    }
    var random = TestRandom(seed: 1)
    func matrix(_ heads: Int) -> DoubleMatrix {
      DoubleMatrix(random.tensor(rows: 10, columns: heads * shape.headWidth))
    }
    let (queries, keys) = (matrix(shape.headCount), matrix(shape.keyValueHeadCount))
    let (values, dout) = (matrix(shape.keyValueHeadCount), matrix(shape.headCount))
    let found = reference.gradients(dout, queries: queries, keys: keys, values: values)
    let (first, second) = (queries.elements.count, queries.elements.count + keys.elements.count)
    let expected = centralDifferences(
      at: queries.elements + keys.elements + values.elements
    ) { point in
      func part(_ range: Range<Int>, like other: DoubleMatrix) -> DoubleMatrix {
        DoubleMatrix(rows: other.rows, columns: other.columns, elements: Array(point[range]))
      }
      let out = reference.forward(
        queries: part(0..<first, like: queries), keys: part(first..<second, like: keys),
        values: part(second..<point.count, like: values)
      ).out
      return zip(out.elements, dout.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let all = found.queries.elements + found.keys.elements + found.values.elements
    let difference = zip(all, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(difference < 1e-8 && all.allSatisfy(\.isFinite))
  }
}
