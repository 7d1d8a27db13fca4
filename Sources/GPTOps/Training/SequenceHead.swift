import CKernels
import GPTTensor

/// One query head of one sequence. Its rows are gathered into contiguous memory of the worker:
/// `[T, D′]` with D′ = D rounded up to 16, zero-padded, and for some also panels of sixteen tokens
/// side by side, `[T / 16][D′][16]`.
struct SequenceHead {
  /// sequence · H + head
  let index: Int
  let sequences: SequenceShape
  let shape: AttentionShape
  let dropout: Dropout?
  let context: ComputeContext

  private var sequence: Int { index / shape.headCount }
  private var head: Int { index % shape.headCount }
  private var group: Int { head / shape.groupSize }
  private var width: Int { Tensor.padded(shape.headWidth) }
  private var length: Int { sequences.length }
  /// Whole tiles of tokens.
  private var paddedLength: Int {
    let tile = Int(GPT_ATTENTION_TILE)
    return (length + tile - 1) / tile * tile
  }
  private var area: Int { paddedLength * width }
  private var isNarrow: Bool { context.multipliesNarrow }
  /// Elements of a row in bf16, which products take in steps of 32.
  private var narrowWidth: Int { (shape.headWidth + 31) & ~31 }
  private var narrowArea: Int { paddedLength * narrowWidth }
  private var dropoutKey: UInt32 { dropout.map { Dropout.key(UInt64($0.key), index) } ?? 0 }

  /// Queries that share what they read of a page.
  private static let tileTokens = 32

  func forward(
    queries: Tensor, keys: Tensor, values: Tensor, out: Tensor,
    logSums: UnsafeMutablePointer<Float>?,
    worker: Int
  ) {
    let pageTokens = PageLayout.pageTokens
    let pages = paddedLength / pageTokens
    let tile = SequenceHead.tileTokens
    let floats = 3 * area + tile * width + tile * (pageTokens + 2) + 2 * tile
    // Operands in bf16: the queries, keys, values and a tile's weights, each at most as large.
    let narrowCount = isNarrow ? 3 * narrowArea + tile * pageTokens : 0
    let scratch = context.pool.scratch(
      worker: worker, byteCount: floats * 4 + pages * 16 + narrowCount * 2)
    let query = scratch.assumingMemoryBound(to: Float.self)
    let (key, value) = (query + area, query + 2 * area)
    let output = query + 3 * area
    let scores = output + tile * width
    let bounds = UnsafeMutableRawPointer(scores + tile * (pageTokens + 2))
      .assumingMemoryBound(to: Int32.self)
    let keyPages = UnsafeMutableRawPointer(bounds + 2 * tile)
      .assumingMemoryBound(to: UnsafeRawPointer?.self)
    let narrow = UnsafeMutableRawPointer(keyPages + 2 * pages)
      .assumingMemoryBound(to: UInt16.self)
    // The keys' rows are needed only to make panels of them, so they pass through the queries' place.
    gather(keys, column: group * shape.headWidth, into: query)
    if !isNarrow { packPanels(query, into: key) }
    if isNarrow { packNarrow(query, into: narrow + narrowArea) }
    gather(values, column: group * shape.headWidth, into: value)
    gather(queries, column: head * shape.headWidth, into: query, factor: shape.scale)
    for page in 0..<pages {
      if isNarrow {
        let target = narrow + 2 * narrowArea + page * pageTokens * width
        context.kernels.pointee.pack_columns_bf16(
          value + page * pageTokens * width, width, Int32(pageTokens), Int32(width / 16), target,
          16 * pageTokens)
        keyPages[page] = UnsafeRawPointer(narrow + narrowArea + page * pageTokens * narrowWidth)
        keyPages[pages + page] = UnsafeRawPointer(target)
      } else {
        keyPages[page] = UnsafeRawPointer(key + page * pageTokens * width)
        keyPages[pages + page] = UnsafeRawPointer(value + page * pageTokens * width)
      }
    }
    if isNarrow { narrowRows(query, into: narrow) }
    for first in stride(from: 0, to: length, by: tile) {
      let rows = min(tile, length - first)
      for row in 0..<rows {
        let windowStart = Int32(shape.window.map { max(0, first + row - $0 + 1) } ?? 0)
        bounds[row] = max(windowStart, firstVisible(of: first + row))
        bounds[tile + row] = Int32(first + row)
      }
      var arguments = gpt_attention(
        queries: query + first * width, query_stride: width, rows: Int32(rows),
        first_visible: bounds, last_visible: bounds + tile, key_pages: keyPages,
        value_pages: keyPages + pages, type: isNarrow ? GPT_PAGE_BF16 : GPT_PAGE_F32,
        page_tokens: Int32(pageTokens),
        begin: bounds[0], end: Int32(first + rows), head_width: Int32(width),
        value_width: Int32(width), soft_cap: shape.softCap, output: output, output_stride: width,
        is_partial: 0, scratch: scores, log_sums: logSums.map { $0 + first },
        dropout_threshold: dropout?.threshold ?? 0, dropout_scale: dropout?.scale ?? 1,
        dropout_key: dropoutKey,
        bf16_product: isNarrow ? context.kernels.pointee.bf16_product : nil,
        narrow_queries: narrow + first * narrowWidth, narrow_weights: narrow + 3 * narrowArea,
        quantised_queries: gpt_quantised_rows())
      context.kernels.pointee.attention(&arguments)
      for row in 0..<rows {
        address(out, row: first + row, column: head * shape.headWidth).update(
          from: output + row * width, count: shape.headWidth)
      }
    }
  }

  /// - Parameters:
  ///   - column: where the head's part of dkeys and dvalues begins
  ///   - isFirst: whether those are overwritten; otherwise they are added to, and the call before
  ///     on this worker was for the same keys and values
  func backward(
    _ dout: Tensor, out: Tensor, queries: Tensor, keys: Tensor, values: Tensor,
    logSums: UnsafeMutablePointer<Float>, dqueries: Tensor, dkeys: Tensor, dvalues: Tensor,
    column: Int, isFirst: Bool, worker: Int
  ) {
    let tile = Int(GPT_ATTENTION_TILE)
    let floats = 9 * area + 3 * paddedLength + 2 * tile * tile
    let narrowCount =
      isNarrow ? gpt_attention_narrow_count(Int32(length), Int32(width)) : 0
    let base = context.pool.scratch(worker: worker, byteCount: floats * 4 + narrowCount * 2)
      .assumingMemoryBound(to: Float.self)
    func part(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * area }
    let sums = part(9)
    let deltas = sums + paddedLength
    gather(queries, column: head * shape.headWidth, into: part(0), factor: shape.scale)
    if isFirst {
      gather(keys, column: group * shape.headWidth, into: part(1))
      gather(values, column: group * shape.headWidth, into: part(2))
    }
    gather(dout, column: head * shape.headWidth, into: part(3))
    if !isNarrow {
      packPanels(part(0), into: part(4))
      packPanels(part(3), into: part(5))
    }
    part(6).update(repeating: 0, count: 3 * area)
    sums.update(repeating: 0, count: 2 * paddedLength)
    sums.update(from: logSums, count: length)
    context.kernels.pointee.head_dots(
      address(out, row: 0, column: head * shape.headWidth), out.stride, Int32(length),
      Int32(shape.headWidth), part(3), Int32(width), deltas)
    let bounds = UnsafeMutableRawPointer(deltas + paddedLength + 2 * tile * tile)
      .assumingMemoryBound(to: Int32.self)
    for token in 0..<paddedLength { bounds[token] = firstVisible(of: min(token, length - 1)) }
    var arguments = gpt_attention_backward(
      tokens: Int32(length), width: Int32(width), window: Int32(shape.window ?? 0),
      first_visible: sequences.firstVisible == nil ? nil : UnsafePointer(bounds),
      soft_cap: shape.softCap, queries: part(0), keys: part(1), values: part(2),
      gradients: part(3), query_panels: part(4), gradient_panels: part(5), log_sums: sums,
      deltas: deltas, query_gradients: part(6), key_gradients: part(7), value_gradients: part(8),
      scratch: deltas + paddedLength, dropout_threshold: dropout?.threshold ?? 0,
      dropout_scale: dropout?.scale ?? 1, dropout_key: dropoutKey,
      bf16_product: isNarrow ? context.kernels.pointee.bf16_product : nil,
      narrow: UnsafeMutableRawPointer(base + floats).assumingMemoryBound(to: UInt16.self),
      keeps_keys: isFirst ? 0 : 1)
    context.kernels.pointee.attention_backward(&arguments)
    scatter(part(6), to: dqueries, column: head * shape.headWidth, factor: shape.scale, adds: false)
    scatter(part(7), to: dkeys, column: column, factor: 1, adds: !isFirst)
    scatter(part(8), to: dvalues, column: column, factor: 1, adds: !isFirst)
  }

  /// The first token of the sequence that `token` sees but for the window.
  private func firstVisible(of token: Int) -> Int32 {
    sequences.firstVisible.map { $0[sequence * length + token] } ?? 0
  }

  private func address(_ tensor: Tensor, row: Int, column: Int) -> UnsafeMutablePointer<Float> {
    tensor.pointer + (sequence * length + row) * tensor.stride + column
  }

  private func gather(
    _ tensor: Tensor, column: Int, into target: UnsafeMutablePointer<Float>, factor: Float = 1
  ) {
    context.kernels.pointee.gather_head(
      address(tensor, row: 0, column: column), tensor.stride, Int32(length),
      Int32(shape.headWidth), factor, target, Int32(width))
    (target + length * width).update(repeating: 0, count: (paddedLength - length) * width)
  }

  private func packPanels(
    _ rows: UnsafeMutablePointer<Float>, into panels: UnsafeMutablePointer<Float>
  ) {
    for first in stride(from: 0, to: paddedLength, by: 16) {
      context.kernels.pointee.pack_rows_f32(
        rows + first * width, width, 16, Int32(width), panels + first * width)
    }
  }

  /// bf16 panels of sixteen tokens side by side.
  private func packNarrow(
    _ rows: UnsafeMutablePointer<Float>, into panels: UnsafeMutablePointer<UInt16>
  ) {
    for first in stride(from: 0, to: paddedLength, by: 16) {
      context.kernels.pointee.pack_rows_bf16(
        rows + first * width, width, 16, Int32(width), panels + first * narrowWidth)
    }
  }

  private func narrowRows(
    _ rows: UnsafeMutablePointer<Float>, into target: UnsafeMutablePointer<UInt16>
  ) {
    for row in 0..<paddedLength {
      context.kernels.pointee.to_bf16(rows + row * width, target + row * narrowWidth, width)
      for index in width..<max(width, narrowWidth) { target[row * narrowWidth + index] = 0 }
    }
  }

  private func scatter(
    _ rows: UnsafeMutablePointer<Float>, to tensor: Tensor, column: Int, factor: Float, adds: Bool
  ) {
    context.kernels.pointee.scatter_head(
      rows, Int32(width), Int32(length), Int32(shape.headWidth), factor, adds ? 1 : 0,
      address(tensor, row: 0, column: column), tensor.stride)
  }
}
