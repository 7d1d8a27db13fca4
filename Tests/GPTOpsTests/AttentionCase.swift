import GPTOps
import GPTTensor
import Glibc
import TestSupport

/// One attention to compute: `tokens` new ones behind `start` others.
struct AttentionCase: Sendable {
  var heads = 2
  var groups = 1
  var width = 16
  var tokens = 5
  var start = 0
  var window: Int?
  var softCap: Float = 0

  var total: Int { start + tokens }

  var shape: AttentionShape {
    AttentionShape(
      headCount: heads, keyValueHeadCount: groups, headWidth: width,
      scale: 1 / Float(width).squareRoot(), softCap: softCap, window: window)
  }
}

/// Queries, keys and values of one sequence, and its pages.
final class AttentionSequence {
  let test: AttentionCase
  let queries: Tensor
  let keys: Tensor
  let values: Tensor
  let layout: PageLayout
  private let pages: [AlignedBuffer]

  init(_ test: AttentionCase, type: CacheType, seed: UInt64 = 17) {
    var random = TestRandom(seed: seed)
    self.test = test
    queries = random.tensor(rows: test.total, columns: test.heads * test.width)
    keys = random.tensor(rows: test.total, columns: test.groups * test.width)
    values = random.tensor(rows: test.total, columns: test.groups * test.width)
    for tensor in [queries, keys] {
      for row in 0..<test.total { for i in 0..<tensor.columns { tensor.row(row)[i] *= 3 } }
    }
    layout = PageLayout(
      blockCount: 2, headCount: test.groups, headWidth: test.width, type: type)
    pages = (0..<PageLayout.pageCount(tokens: test.total)).map { [layout] _ in
      AlignedBuffer(byteCount: layout.pageBytes)
    }
  }

  func cached(rows: Range<Int>, start: Int) -> CachedSequence {
    CachedSequence(rows: rows, start: start, pages: pages.map(\.base))
  }

  func store(in context: ComputeContext) {
    storeKeyValues(
      keys: keys, values: values, sequences: [cached(rows: 0..<test.total, start: 0)], block: 1,
      layout: layout, in: context)
  }

  /// The new tokens' rows, computed `chunk` at a time.
  func attended(chunk: Int? = nil, in context: ComputeContext) -> [Float] {
    let out = Tensor(rows: test.total, columns: queries.columns)
    for first in stride(from: test.start, to: test.total, by: chunk ?? test.tokens) {
      let rows = first..<min(first + (chunk ?? test.tokens), test.total)
      attend(
        queries, sequences: [cached(rows: rows, start: first)], shape: test.shape, block: 1,
        layout: layout, into: out, scratch: Workspace(), in: context)
    }
    return Array(out.values.suffix(test.tokens * out.columns))
  }

  /// The definition in double precision, over keys and values as the cache rounds them.
  func definition() -> [Double] {
    let group = test.heads / test.groups
    var result: [Double] = []
    for position in test.start..<test.total {
      let first = test.window.map { max(0, position - $0 + 1) } ?? 0
      for head in 0..<test.heads {
        let scores = (first...position).map { score(position, head: head, with: $0) }
        let peak = scores.max() ?? 0
        let weights = scores.map { exp($0 - peak) }
        let sum = weights.reduce(0, +)
        let rows = (first...position).map { rounded(values, row: $0, head: head / group) }
        for index in 0..<test.width {
          result.append(zip(rows, weights).reduce(0.0) { $0 + $1.1 / sum * $1.0[index] })
        }
      }
    }
    return result
  }

  private func score(_ position: Int, head: Int, with other: Int) -> Double {
    let key = rounded(keys, row: other, head: head * test.groups / test.heads)
    let query = (0..<test.width).map {
      Double(queries.row(position)[head * test.width + $0] * test.shape.scale)
    }
    let scaled = zip(query, key).reduce(0.0) { $0 + $1.0 * $1.1 }
    let cap = Double(test.softCap)
    return cap > 0 ? cap * tanh(scaled / cap) : scaled
  }

  private func rounded(_ tensor: Tensor, row: Int, head: Int) -> [Double] {
    let values = (0..<test.width).map { tensor.row(row)[head * test.width + $0] }
    switch layout.type {
    case .f32: return values.map(Double.init)
    case .f16: return values.map { Double(Float16($0)) }
    case .bf16: return values.map { Double($0.roundedToBF16) }
    case .q8: return quantised(values)
    }
  }

  /// Codes of 8 bits, times a scale in fp16 for each 32.
  private func quantised(_ values: [Float]) -> [Double] {
    values.indices.map { index in
      let first = index / 32 * 32
      let largest = values[first..<min(first + 32, values.count)].map(abs).max() ?? 0
      guard largest > 0 else { return 0 }
      let code = (values[index] * (127 / largest)).rounded(.toNearestOrEven)
      return Double(Float16(largest / 127)) * Double(code)
    }
  }
}
