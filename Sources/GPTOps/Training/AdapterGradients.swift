import GPTTensor

/// The part that adapters have in the backward pass of layers on one input. For one adapter, with
/// x̃ = dropout(x), z = scale · x̃ · downᵀ and dz = scale · dy · up:
///
///     dx[t, k] += dropout(dz · down)[t, k]
///     ddown[r, k] += Σ over t of dz[t, r] · x̃[t, k]
///     dup[n, r] += Σ over t of dy[t, n] · z[t, r]
struct AdapterBackward {
  private let x: RowSource
  private let input: PreparedRows
  private let dropoutKey: UInt64?
  private let scratch: Workspace
  private let context: ComputeContext
  private let groups: [AdapterGroup]
  /// z of the group without dropout, which is the first.
  private let plain: AdapterRows?

  /// nil without adapters.
  ///
  /// - Parameter plain: z as forward made it; nil: it is computed again
  init?(
    _ x: RowSource, input: PreparedRows?, plain: AdapterRows?, layers: [Linear],
    dropoutKey: UInt64?,
    scratch: Workspace, context: ComputeContext
  ) {
    groups = AdapterGroup.groups(of: layers, dropoutKey: dropoutKey)
    guard let input, let first = groups.first else { return nil }
    self.x = x
    self.input = input
    self.dropoutKey = dropoutKey
    self.scratch = scratch
    self.context = context
    if first.dropout == nil {
      self.plain =
        plain ?? AdapterBackward.between(input, first.uses, scratch: scratch, in: context)
    } else {
      self.plain = nil
    }
  }

  private static func between(
    _ rows: PreparedRows, _ uses: [AdapterUse], scratch: Workspace, in context: ComputeContext
  ) -> AdapterRows {
    AdapterRows(
      rows, uses.map { ($0.adapter.down.value.matrix.transposed, $0.adapter.scale) },
      memory: scratch, scratch: scratch, in: context)
  }

  /// One adapter of the layer at hand.
  fileprivate struct Part {
    let adapter: LinearAdapter
    let dropout: Dropout?
    /// Its place in `plain`.
    let index: Int
  }

  /// What the gradient of one layer's output means for its adapters.
  struct Layer {
    fileprivate let backward: AdapterBackward
    fileprivate let dy: PreparedRows
    fileprivate let parts: [Part]
    fileprivate let gradients: AdapterRows
  }

  /// - Parameter dy: the layer's gradient `[T, N]`; nil without adapters of that layer
  func layer(_ index: Int, dy: PreparedRows) -> Layer? {
    let parts = groups.flatMap { group in
      group.uses.enumerated().filter { $0.element.layer == index }.map {
        Part(adapter: $0.element.adapter, dropout: group.dropout, index: $0.offset)
      }
    }
    guard !parts.isEmpty else { return nil }
    let gradients = AdapterRows(
      dy, parts.map { ($0.adapter.up.value.matrix, $0.adapter.scale) }, memory: scratch,
      scratch: scratch, in: context)
    return Layer(backward: self, dy: dy, parts: parts, gradients: gradients)
  }
}

extension AdapterBackward.Layer {
  /// What adapters without dropout add to dx.
  var terms: [Product.Term] {
    parts.enumerated().filter { $0.element.dropout == nil }.map { index, part in
      Product.Term(
        left: LeftOperand(gradients.rows(index)), right: .matrix(part.adapter.down.value.matrix))
    }
  }

  /// Adds to the gradients of down and up, and of adapters with dropout to dx.
  func addGradients(dx: Tensor?) {
    for (index, part) in parts.enumerated() {
      let mark = backward.scratch.mark()
      backward.addGradients(dx: dx, part, dy: dy, dz: gradients.rows(index))
      backward.scratch.release(to: mark)
    }
  }
}

extension AdapterBackward {
  private func addGradients(dx: Tensor?, _ part: Part, dy: PreparedRows, dz: PreparedRows) {
    let adapter = part.adapter
    if let dropout = part.dropout, let dx {
      let pull = scratch.tensor(rows: dx.rows, columns: dx.columns)
      multiply(
        LeftOperand(dz), [Product(right: .matrix(adapter.down.value.matrix), c: pull.matrix)],
        accumulate: false, in: context)
      drop(pull, dropout, into: pull, in: context)
      add(dx, pull, into: dx, in: context)
    }
    guard adapter.down.gradient != nil || adapter.up.gradient != nil else { return }
    let rows = input.dropping(part.dropout, of: x, scratch: scratch, in: context)
    var products: [WholeProduct] = []
    if let gradient = adapter.down.gradient {
      products.append(
        WholeProduct(
          left: LeftOperand(transposing: dz, in: context),
          product: Product(right: .rows(rows), c: gradient.matrix), accumulate: true))
    }
    if let gradient = adapter.up.gradient {
      let z: PreparedRows
      if let plain, part.dropout == nil {
        z = plain.rows(part.index)
      } else {
        let use = AdapterUse(layer: 0, adapter: adapter)
        z = AdapterBackward.between(rows, [use], scratch: scratch, in: context).rows(0)
      }
      products.append(upGradient(dy: dy, z: z, to: gradient))
    }
    multiply(products, in: context)
  }

  /// gradient `[N, rank]` += dyᵀ · z, computed transposed: so the large side need not be turned.
  private func upGradient(dy: PreparedRows, z: PreparedRows, to gradient: Tensor) -> WholeProduct {
    let turned = scratch.tensor(rows: gradient.columns, columns: gradient.rows)
    let left = LeftOperand(transposing: z, slot: .alsoTransposed, in: context)
    return WholeProduct(
      left: left, product: Product(right: .rows(dy), c: turned.matrix), accumulate: false
    ) { panels in
      for output in 16 * panels.lowerBound..<min(16 * panels.upperBound, gradient.rows) {
        let target = gradient.row(output)
        for rank in 0..<gradient.columns {
          target[rank] += turned.pointer[rank * turned.stride + output]
        }
      }
    }
  }
}
