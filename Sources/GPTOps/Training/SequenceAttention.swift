import CKernels
package import GPTTensor

/// Causal attention within sequences of one batch, for training and evaluation.
///
///     out[t, h] = Σ over s ≤ t of softmax_s(scale · q[t, h] · k[s, g]) · v[s, g],  g = h / group
///
/// A token sees none before `sequences.firstVisible`, so that a row can hold several documents.
///
/// - Parameters: queries and out `[B · T, H · D]`; keys and values `[B · T, G · D]`; logSums
///   `[B · H, T]` receives what backward needs
/// - Source: Vaswani et al. 2017, arXiv:1706.03762; Dao et al. 2022, arXiv:2205.14135
package func attendSequences(
  queries: Tensor, keys: Tensor, values: Tensor, sequences: SequenceShape, shape: AttentionShape,
  dropout: Dropout?, into out: Tensor, logSums: Tensor?, in context: ComputeContext
) {
  let count = sequences.count * shape.headCount
  context.pool.run(count) { chunk, worker in
    let head = SequenceHead(
      index: chunk, sequences: sequences, shape: shape, dropout: dropout, context: context)
    head.forward(
      queries: queries, keys: keys, values: values, out: out,
      logSums: logSums.map { $0.row(chunk) }, worker: worker)
  }
}

/// Backward of `attendSequences`; scores are computed anew, tile by tile.
///
/// - Parameters: shapes as in the forward pass; dqueries, dkeys and dvalues are overwritten;
///   dqueries may be dout: a head reads all of its part before it writes any
package func attendSequencesBackward(
  _ dout: Tensor, out: Tensor, queries: Tensor, keys: Tensor, values: Tensor, logSums: Tensor,
  sequences: SequenceShape, shape: AttentionShape, dropout: Dropout?, dqueries: Tensor,
  dkeys: Tensor, dvalues: Tensor, in context: ComputeContext
) {
  let group = shape.groupSize
  // Query heads that share a key/value head add to one gradient, so one chunk runs them in order.
  context.pool.run(sequences.count * shape.keyValueHeadCount) { chunk, worker in
    for member in 0..<group {
      let sequence = chunk / shape.keyValueHeadCount
      let index =
        sequence * shape.headCount + chunk % shape.keyValueHeadCount * group + member
      SequenceHead(
        index: index, sequences: sequences, shape: shape, dropout: dropout, context: context
      ).backward(
        dout, out: out, queries: queries, keys: keys, values: values, logSums: logSums.row(index),
        dqueries: dqueries, dkeys: dkeys, dvalues: dvalues, isFirst: member == 0, worker: worker)
    }
  }
}

/// Sequences of equal length, one after the other in a batch's rows.
package struct SequenceShape: Sendable, Equatable {
  package let count: Int
  package let length: Int
  /// `[count, length]`: the first token of its sequence that each token sees; nil: the first of
  /// all. Never falls within a sequence.
  package let firstVisible: [Int32]?

  package init(count: Int, length: Int, firstVisible: [Int32]? = nil) {
    precondition(
      firstVisible.map { $0.count == count * length } ?? true,
      "\(firstVisible?.count ?? 0) bounds of \(count) × \(length) tokens")
    self.count = count
    self.length = length
    self.firstVisible = firstVisible
  }
}
