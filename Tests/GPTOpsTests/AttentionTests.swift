import GPTOps
import GPTTensor
import Glibc
import TestSupport
import Testing

@Suite struct AttentionTests {
  struct Case: Sendable {
    var heads = 2
    var groups = 1
    var width = 16
    var tokens = 5
    var start = 0
    var window: Int?
    var softCap: Float = 0
    var type = CacheType.f32
  }

  static let cases = [
    Case(), Case(heads: 1, groups: 1, width: 1, tokens: 1), Case(tokens: 1, start: 63),
    Case(tokens: 70, start: 60), Case(heads: 6, groups: 2, width: 20, tokens: 33, start: 3),
    Case(heads: 9, groups: 3, width: 64, tokens: 130, start: 1),
    Case(tokens: 100, window: 7), Case(tokens: 40, start: 90, window: 65),
    Case(tokens: 20, softCap: 3), Case(width: 24, tokens: 80, start: 17, type: .f16),
  ]

  @Test(arguments: KernelLevel.available, cases)
  func blockedAttentionEqualsTheDefinition(_ level: KernelLevel, _ test: Case) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let total = test.start + test.tokens
    var random = TestRandom(seed: 17)
    let queries = random.tensor(rows: total, columns: test.heads * test.width)
    let keys = random.tensor(rows: total, columns: test.groups * test.width)
    let values = random.tensor(rows: total, columns: test.groups * test.width)
    for tensor in [queries, keys] {
      for row in 0..<total { for i in 0..<tensor.columns { tensor.row(row)[i] *= 3 } }
    }
    let layout = PageLayout(
      blockCount: 2, headCount: test.groups, headWidth: test.width, type: test.type)
    let pages = (0..<(total + 63) / 64).map { _ in AlignedBuffer(byteCount: layout.pageBytes) }
    let bases = pages.map(\.base)
    let all = CachedSequence(rows: 0..<total, start: 0, pages: bases)
    storeKeyValues(
      keys: keys, values: values, sequences: [all], block: 1, layout: layout, in: context)
    let shape = AttentionShape(
      headCount: test.heads, keyValueHeadCount: test.groups, headWidth: test.width,
      scale: 1 / Float(test.width).squareRoot(), softCap: test.softCap, window: test.window)
    let out = Tensor(rows: total, columns: queries.columns)
    let new = CachedSequence(rows: test.start..<total, start: test.start, pages: bases)
    attend(
      queries, sequences: [new], shape: shape, block: 1, layout: layout, into: out,
      scratch: Workspace(), in: context)
    let expected = definition(test, queries: queries, keys: keys, values: values)
    let difference = relativeDifference(
      Array(out.values.suffix(test.tokens * out.columns)), expected)
    #expect(difference < (test.type == .f16 ? 2e-3 : 3e-6), "\(test): \(difference)")
  }

  private func definition(_ test: Case, queries: Tensor, keys: Tensor, values: Tensor) -> [Double] {
    let group = test.heads / test.groups
    var result: [Double] = []
    for position in test.start..<test.start + test.tokens {
      let first = test.window.map { max(0, position - $0 + 1) } ?? 0
      for head in 0..<test.heads {
        let offset = head / group * test.width
        var scores = (first...position).map { other -> Double in
          let dot = (0..<test.width).reduce(0.0) {
            $0 + Double(queries.row(position)[head * test.width + $1])
              * Double(keys.row(other)[offset + $1])
          }
          let scaled = dot / Double(test.width).squareRoot()
          let cap = Double(test.softCap)
          return cap > 0 ? cap * tanh(scaled / cap) : scaled
        }
        let peak = scores.max() ?? 0
        scores = scores.map { exp($0 - peak) }
        let sum = scores.reduce(0, +)
        for index in 0..<test.width {
          result.append(
            zip(first...position, scores).reduce(0.0) {
              $0 + $1.1 / sum * Double(values.row($1.0)[offset + index])
            })
        }
      }
    }
    return result
  }
}
