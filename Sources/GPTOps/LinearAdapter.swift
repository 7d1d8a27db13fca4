import CKernels
package import GPTTensor

/// A low-rank addition to a linear layer.
///
///     y[t, n] += scale · Σ over r of up[n, r] · Σ over k of down[r, k] · dropout(x)[t, k]
///
/// - Source: Hu et al. 2021, arXiv:2106.09685
package struct LinearAdapter: Sendable {
  /// `[rank, inputs]`
  package let down: Parameter
  /// `[outputs, rank]`
  package let up: Parameter
  package let scale: Float
  /// Share of the adapter's input that training drops.
  package let dropout: Float
  /// Tells the adapters of a model apart, so that each drops other elements.
  package let index: Int

  package init(
    down: Parameter, up: Parameter, scale: Float, dropout: Float = 0, index: Int = 0
  ) {
    precondition(
      down.value.rows == up.value.columns,
      "ranks \(down.value.rows) and \(up.value.columns) of one adapter")
    self.down = down
    self.up = up
    self.scale = scale
    self.dropout = dropout
    self.index = index
  }

  package var rank: Int { down.value.rows }
}

extension LinearAdapter {
  /// What dropout drops of the adapter's input; nil: nothing.
  func inputDropout(key: UInt64?) -> Dropout? {
    guard let key, dropout > 0 else { return nil }
    // Places 0 and up are the blocks', −1 is the embedding's.
    return Dropout(probability: dropout, key: Dropout.key(key, -2 - index))
  }
}

/// An adapter of one of several layers on the same input.
struct AdapterUse {
  let layer: Int
  let adapter: LinearAdapter
}

/// Adapters that read the same rows: all without dropout, or one with.
struct AdapterGroup {
  let dropout: Dropout?
  let uses: [AdapterUse]

  static func groups(of layers: [Linear], dropoutKey: UInt64?) -> [AdapterGroup] {
    let uses = layers.enumerated().flatMap { index, layer in
      layer.adapters.map { AdapterUse(layer: index, adapter: $0) }
    }
    let plain = uses.filter { $0.adapter.inputDropout(key: dropoutKey) == nil }
    let dropped = uses.compactMap { use in
      use.adapter.inputDropout(key: dropoutKey).map { AdapterGroup(dropout: $0, uses: [use]) }
    }
    return (plain.isEmpty ? [] : [AdapterGroup(dropout: nil, uses: plain)]) + dropped
  }
}

/// What the adapters of layers on one input add to each of them: z · upᵀ with
/// z = scale · dropout(x) · downᵀ.
///
/// - Parameters: prepared: the rows of x; scratch lasts until the terms are used, kept as long as
///   `plain`, nil: likewise
/// - Returns: the terms of each layer, and z of all adapters without dropout
func adapterTerms(
  _ x: RowSource, prepared: PreparedRows, layers: [Linear], dropoutKey: UInt64?,
  kept: Workspace? = nil, scratch: Workspace, in context: ComputeContext
) -> (terms: [[Product.Term]], plain: AdapterRows?) {
  var terms = [[Product.Term]](repeating: [], count: layers.count)
  var plain: AdapterRows?
  for group in AdapterGroup.groups(of: layers, dropoutKey: dropoutKey) {
    let rows = prepared.dropping(group.dropout, of: x, scratch: scratch, in: context)
    let between = AdapterRows(
      rows, group.uses.map { ($0.adapter.down.value.matrix.transposed, $0.adapter.scale) },
      memory: kept ?? scratch, scratch: scratch, in: context)
    if group.dropout == nil { plain = between }
    for (index, use) in group.uses.enumerated() {
      terms[use.layer].append(
        Product.Term(
          left: LeftOperand(between.rows(index)),
          right: .matrix(use.adapter.up.value.matrix.transposed)))
    }
  }
  return (terms, plain)
}

extension PreparedRows {
  /// These rows, which are those of x, or in the same precision x with dropout.
  func dropping(
    _ dropout: Dropout?, of x: RowSource, scratch: Workspace, in context: ComputeContext
  ) -> PreparedRows {
    guard let dropout else { return self }
    let dropped = x.dropping(dropout, in: context)
    if case .narrow = form {
      return PreparedRows(dropped, memory: .workspace(scratch), in: context)
    }
    return PreparedRows(wide: dropped.materialised(scratch, in: context))
  }
}

extension RowSource {
  /// The rows as `drop` makes them.
  fileprivate func dropping(_ dropout: Dropout, in context: ComputeContext) -> RowSource {
    let stride = Tensor.padded(columns)
    return RowSource(rows: rows, columns: columns) { row, target in
      fill(row, target)
      context.kernels.pointee.dropout(
        target, dropout.key, UInt32(truncatingIfNeeded: row * stride), dropout.threshold,
        dropout.scale, target, stride)
    }
  }
}
