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

/// Causal attention of new tokens over everything the caches of their sequences hold.
///
///     out[t, h] = Σ over s ≤ p(t) of softmax_s(scale · q[t, h] · k[s, g]) · v[s, g],  g = h / group
///
/// Few rows of a sequence are computed over spans of its tokens, whose results are then summed in
/// order. Spans lie at fixed positions, so that a row's result depends neither on the threads nor
/// on the other rows.
///
/// - Parameters: queries and out `[·, H · D]`, in which each sequence has its rows; the pages hold
///   keys and values of all positions up to theirs; scratch has room for partial results
/// - Source: Vaswani et al. 2017, arXiv:1706.03762; grouped heads Ainslie et al. 2023,
///   arXiv:2305.13245; blocked as in Dao et al. 2022, arXiv:2205.14135
package func attend(
  _ queries: Tensor, sequences: [CachedSequence], shape: AttentionShape, block: Int,
  layout: PageLayout, into out: Tensor, scratch: Workspace, in context: ComputeContext
) {
  let mark = scratch.mark()
  defer { scratch.release(to: mark) }
  let heads = shape.keyValueHeadCount
  var tiles: [AttentionTile] = []
  var merges: [AttentionMerge] = []
  for sequence in sequences {
    let spans = attentionSpans(of: sequence, shape: shape)
    guard spans.count > 1 else {
      let span = 0..<sequence.start + sequence.rows.count
      tiles += attentionTiles(of: sequence, shape: shape).map {
        AttentionTile(sequence: sequence, tokens: $0, span: span, partial: nil)
      }
      continue
    }
    let rows = sequence.rows.count * shape.groupSize
    let parts = scratch.tensor(
      rows: spans.count * heads * rows, columns: layout.valueWidth + 2)
    for (index, span) in spans.enumerated() {
      tiles.append(
        AttentionTile(
          sequence: sequence, tokens: 0..<sequence.rows.count, span: span,
          partial: (parts, index * heads * rows)))
    }
    merges.append(AttentionMerge(sequence: sequence, parts: parts, count: spans.count))
  }
  let pass = AttentionPass(
    queries: queries, shape: shape, block: block, layout: layout, out: out, context: context)
  // Chunks are claimed from the last to the first, and the last tiles see the most tokens.
  context.pool.run(tiles.count * heads) { chunk, worker in
    pass.run(tiles[chunk / heads], head: chunk % heads, worker: worker)
  }
  guard !merges.isEmpty else { return }
  context.pool.run(merges.count * heads) { chunk, worker in
    pass.run(merges[chunk / heads], head: chunk % heads, worker: worker)
  }
}

/// Where the spans begin that single chunks of work read for few rows: short ones where few tokens
/// have to occupy all threads, then long ones, as the first page of a span comes late.
private func attentionSpanStart(_ index: Int) -> Int { index < 2 ? 256 * index : 512 * (index - 1) }

/// The spans that a sequence's rows see; one when there are many rows, which occupy threads anyway.
private func attentionSpans(of sequence: CachedSequence, shape: AttentionShape) -> [Range<Int>] {
  let end = sequence.start + sequence.rows.count
  guard sequence.rows.count <= smallRowCount else { return [0..<end] }
  let first = shape.window.map { max(0, sequence.start - $0 + 1) } ?? 0
  var spans: [Range<Int>] = []
  var index = 0
  while attentionSpanStart(index) < end {
    let span = attentionSpanStart(index)..<min(attentionSpanStart(index + 1), end)
    if span.upperBound > first { spans.append(span) }
    index += 1
  }
  return spans
}

/// About 32 query rows share each page they read, few enough for registers and the L1 cache.
private func attentionTiles(of sequence: CachedSequence, shape: AttentionShape) -> [Range<Int>] {
  let count = max(1, 32 / shape.groupSize)
  return stride(from: 0, to: sequence.rows.count, by: count).map {
    $0..<min($0 + count, sequence.rows.count)
  }
}
