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
  dkeys: Tensor, dvalues: Tensor, scratch: Workspace, in context: ComputeContext
) {
  let count = sequences.count * shape.keyValueHeadCount
  let group = shape.groupSize
  let pass = SequenceBackward(
    dout: dout, out: out, queries: queries, keys: keys, values: values, logSums: logSums,
    dqueries: dqueries, sequences: sequences, shape: shape, dropout: dropout, context: context)
  guard group > 1, leavesThreadsIdle(count, threads: context.pool.threadCount) else {
    context.pool.run(count) { chunk, worker in
      pass.run(members: 0..<group, of: chunk, dkeys: dkeys, dvalues: dvalues, worker: worker)
    }
    return
  }
  // A head a chunk, each with gradients of keys and values of its own, which are then added in the
  // order of heads: as if one thread had done it.
  let mark = scratch.mark()
  defer { scratch.release(to: mark) }
  let parts = [dkeys, dvalues].map {
    scratch.tensor(rows: $0.rows, columns: group * $0.columns)
  }
  context.pool.run(count * group) { chunk, worker in
    let member = chunk % group
    pass.run(
      members: member..<member + 1, of: chunk / group, dkeys: parts[0], dvalues: parts[1],
      worker: worker)
  }
  for (part, sum) in zip(parts, [dkeys, dvalues]) {
    addMembers(of: part, group: group, width: shape.headWidth, into: sum, in: context)
  }
}

/// Whether so many equal chunks would leave threads without work for more than a tenth of the time.
private func leavesThreadsIdle(_ chunks: Int, threads: Int) -> Bool {
  let rounds = (chunks + threads - 1) / threads
  return Double(rounds * threads - chunks) > 0.1 * Double(rounds * threads)
}

/// sum[t, g] = Σ over the group's heads of parts[t, head], heads of `width` elements.
private func addMembers(
  of parts: Tensor, group: Int, width: Int, into sum: Tensor, in context: ComputeContext
) {
  let add = context.kernels.pointee.add
  context.forEachRow(sum.rows) { row in
    for first in stride(from: 0, to: sum.columns, by: width) {
      let (source, target) = (parts.row(row) + first * group, sum.row(row) + first)
      add?(source, source + width, target, width)
      for member in 2..<max(2, group) { add?(target, source + member * width, target, width) }
    }
  }
}

/// What the backward passes of all heads read.
private struct SequenceBackward {
  let dout: Tensor
  let out: Tensor
  let queries: Tensor
  let keys: Tensor
  let values: Tensor
  let logSums: Tensor
  let dqueries: Tensor
  let sequences: SequenceShape
  let shape: AttentionShape
  let dropout: Dropout?
  let context: ComputeContext

  /// Some query heads of a key/value head of a sequence, one after the other.
  ///
  /// - Parameters: dkeys and dvalues: sums over all members of a group, or a column for each head
  func run(
    members: Range<Int>, of chunk: Int, dkeys: Tensor, dvalues: Tensor, worker: Int
  ) {
    let sequence = chunk / shape.keyValueHeadCount
    let group = chunk % shape.keyValueHeadCount
    let isWhole = dkeys.columns == keys.columns
    for member in members {
      let head = group * shape.groupSize + member
      let index = sequence * shape.headCount + head
      SequenceHead(
        index: index, sequences: sequences, shape: shape, dropout: dropout, context: context
      ).backward(
        dout, out: out, queries: queries, keys: keys, values: values, logSums: logSums.row(index),
        dqueries: dqueries, dkeys: dkeys, dvalues: dvalues,
        column: (isWhole ? group : head) * shape.headWidth, isFirst: member == members.lowerBound,
        worker: worker)
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
