import CKernels
import GPTTensor

/// Some rows of a sequence that one chunk of work computes, for each of the key/value heads.
struct AttentionTile {
  let sequence: CachedSequence
  /// Of the sequence's rows.
  let tokens: Range<Int>
  /// The positions that are looked at.
  let span: Range<Int>
  /// Where results go that are still to be merged, `[head][token][query head of the group]` from a
  /// row on; nil: results are whole.
  let partial: (rows: Tensor, first: Int)?
}

/// A sequence whose results lie in `[span][head][token][query head of the group]`.
struct AttentionMerge {
  let sequence: CachedSequence
  let parts: Tensor
  /// Spans.
  let count: Int
}

/// What all chunks of one attention share.
struct AttentionPass {
  let queries: Tensor
  let shape: AttentionShape
  let block: Int
  let layout: PageLayout
  let out: Tensor
  let context: ComputeContext

  /// Many rows are multiplied as the pages are, when these are of bf16.
  private func isNarrow(_ tile: AttentionTile) -> Bool {
    layout.type == .bf16 && context.multipliesNarrow && tile.sequence.rows.count > smallRowCount
  }

  func run(_ tile: AttentionTile, head: Int, worker: Int) {
    let rows = tile.tokens.count * shape.groupSize
    let end = min(tile.span.upperBound, tile.sequence.start + tile.tokens.upperBound)
    let memory = AttentionMemory(
      rows: rows, pages: PageLayout.pageCount(tokens: end), layout: layout)
    let scratch = context.pool.scratch(worker: worker, byteCount: memory.byteCount)
    let input = memory.queries(scratch)
    let bounds = memory.bounds(scratch)
    gather(tile, head: head, into: input, bounds: bounds, rows: rows)
    let begin = max(Int(bounds[0]), tile.span.lowerBound)
    let pages = memory.pages(scratch)
    let valuePages = pages + memory.pageCount
    for page in begin / PageLayout.pageTokens..<memory.pageCount {
      let base = tile.sequence.pages[page]
      pages[page] = UnsafeRawPointer(base + layout.keyOffset(block: block, head: head))
      valuePages[page] = UnsafeRawPointer(base + layout.valueOffset(block: block, head: head))
    }
    let isNarrow = isNarrow(tile)
    if isNarrow {
      context.kernels.pointee.to_bf16(
        input, memory.narrowQueries(scratch), rows * layout.narrowWidth)
    }
    var arguments = gpt_attention(
      queries: input, query_stride: layout.narrowWidth, rows: Int32(rows), first_visible: bounds,
      last_visible: bounds + rows, key_pages: pages, value_pages: valuePages,
      type: layout.type.pageType, page_tokens: Int32(PageLayout.pageTokens), begin: Int32(begin),
      end: Int32(end), head_width: Int32(shape.headWidth), value_width: Int32(layout.valueWidth),
      soft_cap: shape.softCap, output: memory.output(scratch), output_stride: layout.valueWidth,
      is_partial: 0, scratch: memory.scores(scratch), log_sums: nil, dropout_threshold: 0,
      dropout_scale: 1, dropout_key: 0,
      bf16_product: isNarrow ? context.kernels.pointee.bf16_product : nil,
      narrow_queries: memory.narrowQueries(scratch), narrow_weights: memory.narrowWeights(scratch),
      quantised_queries: layout.type == .q8
        ? quantised(input, rows: rows, memory: memory, scratch) : gpt_quantised_rows())
    if let partial = tile.partial {
      arguments.is_partial = 1
      arguments.output = partial.rows.row(partial.first + head * rows)
      arguments.output_stride = partial.rows.stride
    }
    context.kernels.pointee.attention(&arguments)
    guard tile.partial == nil else { return }
    for row in 0..<rows {
      address(
        of: out, tile.sequence, head: head, row: tile.tokens.lowerBound * shape.groupSize + row
      )
      .update(from: memory.output(scratch) + row * layout.valueWidth, count: shape.headWidth)
    }
  }

  func run(_ merge: AttentionMerge, head: Int, worker: Int) {
    let rows = merge.sequence.rows.count * shape.groupSize
    let output = context.pool.scratch(worker: worker, byteCount: layout.valueWidth * 4)
      .assumingMemoryBound(to: Float.self)
    for row in 0..<rows {
      context.kernels.pointee.merge_attention(
        merge.parts.row(head * rows + row),
        shape.keyValueHeadCount * rows * merge.parts.stride, Int32(merge.count),
        Int32(layout.valueWidth), output)
      address(of: out, merge.sequence, head: head, row: row).update(
        from: output, count: shape.headWidth)
    }
  }

  /// Copies the scaled queries of the tile, row by row (token, then query head) and padded with
  /// zeros, and notes which tokens each may see.
  private func gather(
    _ tile: AttentionTile, head: Int, into input: UnsafeMutablePointer<Float>,
    bounds: UnsafeMutablePointer<Int32>, rows: Int
  ) {
    let first = tile.tokens.lowerBound * shape.groupSize
    for row in 0..<rows {
      let source = address(of: queries, tile.sequence, head: head, row: first + row)
      let target = input + row * layout.narrowWidth
      for index in 0..<shape.headWidth { target[index] = source[index] * shape.scale }
      for index in shape.headWidth..<layout.narrowWidth { target[index] = 0 }
      let position = tile.sequence.start + (first + row) / shape.groupSize
      bounds[row] = Int32(shape.window.map { max(0, position - $0 + 1) } ?? 0)
      bounds[rows + row] = Int32(position)
    }
  }

  private func quantised(
    _ input: UnsafePointer<Float>, rows: Int, memory: AttentionMemory,
    _ scratch: UnsafeMutableRawPointer
  ) -> gpt_quantised_rows {
    let blocks = layout.narrowWidth / 32
    let (codes, scales, sums) = memory.quantisedQueries(scratch)
    context.kernels.pointee.quantise_row(input, Int32(rows * blocks), codes, scales, sums)
    return gpt_quantised_rows(
      codes: codes, code_stride: 2 * layout.narrowWidth, scales: scales, scale_stride: blocks,
      sums: sums, sum_stride: 2 * blocks)
  }

  /// A head's part of one row of a sequence; rows count (token, then query head).
  private func address(of tensor: Tensor, _ sequence: CachedSequence, head: Int, row: Int)
    -> UnsafeMutablePointer<Float>
  {
    let queryHead = head * shape.groupSize + row % shape.groupSize
    return tensor.row(sequence.rows.lowerBound + row / shape.groupSize)
      + queryHead * shape.headWidth
  }
}
