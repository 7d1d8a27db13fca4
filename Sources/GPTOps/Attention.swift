import CKernels
package import GPTTensor

/// The constants of an attention layer.
package struct AttentionShape: Sendable {
  package let headCount: Int
  package let keyValueHeadCount: Int
  package let headWidth: Int
  /// Factor on the scores, 1 / √D in every published model of these families.
  package let scale: Float
  /// Scores s become cap · tanh(s / cap); 0 leaves them.
  package let softCap: Float
  /// Tokens a query sees, itself included; nil sees all before it.
  package let window: Int?

  package init(
    headCount: Int, keyValueHeadCount: Int, headWidth: Int, scale: Float, softCap: Float,
    window: Int?
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headWidth = headWidth
    self.scale = scale
    self.softCap = softCap
    self.window = window
  }

  /// Query heads that share one key/value head.
  var groupSize: Int { headCount / keyValueHeadCount }
}

/// Causal attention of new tokens of one sequence over everything its cache holds.
///
///     out[t, h] = Σ over s ≤ p(t) of softmax_s(scale · q[t, h] · k[s, g]) · v[s, g],  g = h / group
///
/// - Parameters: queries and out `[·, H · D]`, of which `rows` are the T tokens at the positions
///   `start + t`; the pages hold keys and values of all positions below `start + T`
/// - Source: Vaswani et al. 2017, arXiv:1706.03762; grouped heads Ainslie et al. 2023,
///   arXiv:2305.13245; blocked as in Dao et al. 2022, arXiv:2205.14135
package func attend(
  _ queries: Tensor, rows: Range<Int>, shape: AttentionShape, block: Int, start: Int,
  pages: [AlignedBuffer], layout: PageLayout, into out: Tensor, in context: ComputeContext
) {
  let job = AttentionJob(
    queries: queries, firstRow: rows.lowerBound, shape: shape, block: block, start: start,
    pages: pages, layout: layout, out: out, context: context)
  // About 32 query rows share each page they read, few enough for registers and the L1 cache.
  let tileTokens = max(1, 32 / shape.groupSize)
  let tiles = (rows.count + tileTokens - 1) / tileTokens
  context.pool.run(tiles * shape.keyValueHeadCount) { chunk, worker in
    // Chunks are claimed from the last to the first, and the last tiles see the most tokens.
    let tile = chunk / shape.keyValueHeadCount
    let first = tile * tileTokens
    job.run(
      head: chunk % shape.keyValueHeadCount,
      tokens: first..<min(first + tileTokens, rows.count), worker: worker)
  }
}

private struct AttentionJob {
  let queries: Tensor
  let firstRow: Int
  let shape: AttentionShape
  let block: Int
  let start: Int
  let pages: [AlignedBuffer]
  let layout: PageLayout
  let out: Tensor
  let context: ComputeContext

  func run(head: Int, tokens: Range<Int>, worker: Int) {
    let rows = tokens.count * shape.groupSize
    let width = shape.headWidth
    let pageCount = (start + tokens.upperBound + PageLayout.pageTokens - 1) / PageLayout.pageTokens
    let floats = rows * (width + layout.valueWidth + PageLayout.pageTokens + 2 + 2)
    let scratch = context.pool.scratch(
      worker: worker, byteCount: pageCount * 16 + floats * 4 + 64)
    let keyPages = scratch.assumingMemoryBound(to: UnsafeRawPointer?.self)
    let valuePages = keyPages + pageCount
    let input = (scratch + pageCount * 16).assumingMemoryBound(to: Float.self)
    let output = input + rows * width
    let scores = output + rows * layout.valueWidth
    let bounds = UnsafeMutableRawPointer(scores + rows * (PageLayout.pageTokens + 2))
      .assumingMemoryBound(to: Int32.self)
    for page in 0..<pageCount {
      keyPages[page] = UnsafeRawPointer(
        pages[page].base + layout.keyOffset(block: block, head: head))
      valuePages[page] = UnsafeRawPointer(
        pages[page].base + layout.valueOffset(block: block, head: head))
    }
    gather(head: head, tokens: tokens, into: input, bounds: bounds, rows: rows)
    var arguments = gpt_attention(
      queries: input, query_stride: width, rows: Int32(rows), first_visible: bounds,
      last_visible: bounds + rows, key_pages: keyPages, value_pages: valuePages,
      type: layout.type.panelType, page_tokens: Int32(PageLayout.pageTokens),
      begin: bounds[0], end: Int32(start + tokens.upperBound), head_width: Int32(width),
      value_width: Int32(layout.valueWidth), soft_cap: shape.softCap, output: output,
      output_stride: layout.valueWidth, scratch: scores,
      log_sums: nil, dropout_threshold: 0, dropout_scale: 1, dropout_key: 0,
      bf16_product: nil, narrow_queries: nil, narrow_weights: nil)
    context.kernels.pointee.attention(&arguments)
    for row in 0..<rows {
      address(of: out, head: head, tokens: tokens, row: row).update(
        from: output + row * layout.valueWidth, count: width)
    }
  }

  /// Copies the scaled queries of the tile, row by row (token, then query head), and notes which
  /// tokens each may see.
  private func gather(
    head: Int, tokens: Range<Int>, into input: UnsafeMutablePointer<Float>,
    bounds: UnsafeMutablePointer<Int32>, rows: Int
  ) {
    for row in 0..<rows {
      let source = address(of: queries, head: head, tokens: tokens, row: row)
      for index in 0..<shape.headWidth {
        input[row * shape.headWidth + index] = source[index] * shape.scale
      }
      let position = start + tokens.lowerBound + row / shape.groupSize
      bounds[row] = Int32(shape.window.map { max(0, position - $0 + 1) } ?? 0)
      bounds[rows + row] = Int32(position)
    }
  }

  private func address(of tensor: Tensor, head: Int, tokens: Range<Int>, row: Int)
    -> UnsafeMutablePointer<Float>
  {
    let queryHead = head * shape.groupSize + row % shape.groupSize
    return tensor.row(firstRow + tokens.lowerBound + row / shape.groupSize)
      + queryHead * shape.headWidth
  }
}
