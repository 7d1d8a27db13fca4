import CKernels
import COpenBLAS
import GPTTensor

/// Up to this many rows weights are multiplied as they are packed; above, they are unpacked first.
let smallRowCount = Int(GPT_FEW_ROWS)

/// Bytes of weights that a chunk of few rows reads at least: claiming one costs two lines of memory
/// that go from core to core, about as long as reading 20 kB.
private let leastChunkBytes = 128 << 10

/// Bytes of a float panel that are on their way while others are multiplied: a memory latency's worth.
/// The processor's own prefetching begins anew with every panel. SmolLM2 in BF16, 1 thread: 97 to 113
/// tokens/s; 1 kB gives 107.
private let fetchedAhead = 3072

/// The forward pass of layers whose weights are read as they are packed, in fp32 or 16 bits.
///
/// Decoding comes here four times a block with microseconds of work, so nothing is made that a layer
/// without adapters does not need.
///
/// - Parameter accumulates: whether outputs are added to instead of overwritten; of products of
///   16-bit rows only
func projectPacked(
  _ source: RowSource, _ targets: [(linear: Linear, output: Tensor)], accumulates: Bool = false,
  adapterDropout: UInt64?, scratch: Workspace, in context: ComputeContext
) {
  let x = ProjectionInput.rows(of: source, for: targets, scratch: scratch, in: context)
  let terms = packedTerms(
    x, targets, adapterDropout: adapterDropout, scratch: scratch, in: context)
  var input = ProjectionInput(x, in: context)
  var (panels, bytes) = (0, 0)
  for (linear, _) in targets {
    guard let weight = FrozenWeight(linear.weight) else { continue }
    input.prepare(for: weight, scratch: scratch)
    panels += weight.panelCount
    bytes += weight.byteCount
  }
  // Many rows: groups of four panels, so that their unpacked form stays in the L2 cache.
  let chunks =
    x.rows <= smallRowCount
    ? min(
      context.chunkCount(for: panels), max(context.pool.threadCount, bytes / leastChunkBytes))
    : (panels + 3) / 4
  let job = PackedJob(
    input: input, targets: targets, accumulates: accumulates, terms: terms, context: context)
  context.pool.run(chunks) { chunk, worker in
    job.run(ComputeContext.range(of: chunk, chunks: chunks, count: panels), worker: worker)
  }
}

/// What adapters add to each of the targets; nil: there are none.
private func packedTerms(
  _ x: RowSource, _ targets: [(linear: Linear, output: Tensor)], adapterDropout: UInt64?,
  scratch: Workspace, in context: ComputeContext
) -> [[Product.Term]]? {
  guard let rows = x.tensor, targets.contains(where: { !$0.linear.adapters.isEmpty }) else {
    return nil
  }
  return adapterTerms(
    x, prepared: PreparedRows(wide: rows), layers: targets.map(\.linear),
    dropoutKey: adapterDropout, scratch: scratch, in: context
  ).terms
}

/// Products of the same rows with the weights of several layers, whose panels count one after the
/// other.
private struct PackedJob {
  let input: ProjectionInput
  let targets: [(linear: Linear, output: Tensor)]
  let accumulates: Bool
  let terms: [[Product.Term]]?
  let context: ComputeContext

  func run(_ panels: Range<Int>, worker: Int) {
    var range = panels
    for index in targets.indices where !range.isEmpty {
      let (linear, output) = targets[index]
      guard let weight = FrozenWeight(linear.weight) else { continue }
      let count = weight.panelCount
      let own = weight.wholeUnits(range.clamped(to: 0..<count))
      if !own.isEmpty {
        let bias = linear.bias?.value
        let isAdded = input.multiply(
          weight, panels: own, into: output, bias: bias, accumulates: accumulates, worker: worker)
        if let terms { add(terms[index], panels: own, to: output, worker: worker) }
        if let bias, !isAdded { add(bias, panels: own, to: output) }
      }
      range = max(range.lowerBound - count, 0)..<max(range.upperBound - count, 0)
    }
  }

  private func add(_ terms: [Product.Term], panels: Range<Int>, to output: Tensor, worker: Int) {
    for term in terms {
      PanelJob(product: Product(right: term.right, c: output.matrix), panels: panels)
        .add(term.left, term.right, accumulate: true, worker: worker, in: context)
    }
  }

  private func add(_ bias: Tensor, panels: Range<Int>, to output: Tensor) {
    let start = panels.lowerBound * 16
    let count = min(panels.upperBound * 16, output.columns) - start
    for row in 0..<output.rows {
      let target = output.row(row) + start
      context.kernels.pointee.add(target, bias.pointer + start, target, count)
    }
  }
}

/// The left side of a product in every form that the weights at hand need.
private struct ProjectionInput {
  let x: RowSource
  let context: ComputeContext
  var quantised: QuantisedRows?
  var int16: Int16Rows?
  var arranged: [ArrangedRows] = []

  init(_ x: RowSource, in context: ComputeContext) {
    self.x = x
    self.context = context
  }

  /// Makes the form of the rows that products with `weight` read, unless it exists.
  mutating func prepare(for weight: FrozenWeight, scratch: Workspace) {
    precondition(weight.inputs == x.columns, "\(x.columns) inputs for \(weight.inputs)")
    switch (path(for: weight), x.tensor) {
    case (.quantised, let x?), (.blocks, let x?):
      if quantised == nil { quantised = QuantisedRows(x, in: context) }
    case (.int16, _):
      if int16 == nil { int16 = Int16Rows(x, scratch: scratch, in: context) }
    case (.rows, let x?):
      guard case .mapped(let matrix) = weight, arranged(for: matrix) == nil else { break }
      arranged.append(ArrangedRows(x, for: matrix.format, scratch: scratch, in: context))
    default: break
    }
  }

  /// Products of 16-bit integers compute the rows where they round them; all others read floats.
  static func rows(
    of source: RowSource, for targets: [(linear: Linear, output: Tensor)], scratch: Workspace,
    in context: ComputeContext
  ) -> RowSource {
    guard source.tensor == nil else { return source }
    let areRounded =
      source.rows > smallRowCount
      && targets.allSatisfy { layer, _ in
        guard layer.adapters.isEmpty, let weight = FrozenWeight(layer.weight) else { return false }
        return PackedPath(of: weight, rows: source.rows, in: context) == .int16
      }
    return areRounded ? source : RowSource(source.materialised(scratch, in: context))
  }

  private func path(for weight: FrozenWeight) -> PackedPath {
    PackedPath(of: weight, rows: x.rows, in: context)
  }

  private func arranged(for matrix: MappedMatrix) -> ArrangedRows? {
    arranged.first { $0.format == matrix.format }
  }

  /// - Returns: whether the bias was added
  func multiply(
    _ weight: FrozenWeight, panels: Range<Int>, into y: Tensor, bias: Tensor?, accumulates: Bool,
    worker: Int
  ) -> Bool {
    let path = path(for: weight)
    precondition(!accumulates || path == .int16, "sums of products that overwrite")
    switch (path, weight) {
    case (.panels, .packed(let matrix)):
      multiplyFloats(
        matrix.bytes(ofPanel: panels.lowerBound), type: matrix.panelType,
        panelStride: matrix.panelStride, depth: matrix.inputs, panels: panels, into: y)
    case (.quantised, .packed(let matrix)): multiplyQuantised(matrix, panels: panels, into: y)
    case (.blocks, .stored(let matrix)):
      if let quantised { matrix.multiply(quantised, panels: panels, into: y, in: context) }
    case (.int16, .stored(let matrix)):
      int16?.multiply(
        matrix.packed(panels), panels: panels, into: y, bias: bias, accumulates: accumulates,
        worker: worker, in: context)
    case (.int16, .packed(let matrix)):
      int16?.multiply(
        matrix, panels: panels, into: y, bias: bias, accumulates: accumulates, worker: worker,
        in: context)
    case (.rows, .mapped(let matrix)):
      arranged(for: matrix)?.multiply(matrix, panels: panels, into: y, in: context)
    case (.unpacked, _):
      multiplyUnpacked(weight.panels, panels: panels, into: y, worker: worker)
    default: preconditionFailure("a product of rounded rows")
    }
    return path == .int16
  }

  private func multiplyFloats(
    _ first: UnsafeRawPointer, type: gpt_panel_type, panelStride: Int, depth: Int,
    panels: Range<Int>, into y: Tensor
  ) {
    guard let x = x.tensor else { preconditionFailure("a product of floats that were not made") }
    var product = gpt_float_product(
      x: x.pointer, x_stride: x.stride, x_step: 1, rows: Int32(x.rows), type: type, panels: first,
      depth_stride: type == GPT_PANEL_F16 ? 32 : 64, panel_stride: panelStride,
      panel_count: Int32(panels.count), depth: Int32(depth),
      y: y.pointer + panels.lowerBound * 16, y_stride: y.stride, accumulate: 0,
      ahead: x.rows <= smallRowCount ? fetchedAhead : 0)
    context.kernels.pointee.float_product(&product)
  }

  private func multiplyQuantised(_ weight: PackedMatrix, panels: Range<Int>, into y: Tensor) {
    guard let quantised, let format = weight.kernelFormat else { return }
    var product = gpt_quantised_product(
      x: quantised.view, rows: Int32(x.rows), format: format,
      panels: weight.bytes(ofPanel: panels.lowerBound), panel_stride: weight.panelStride,
      panel_count: Int32(panels.count), blocks: Int32(weight.depth / 32),
      y: y.pointer + panels.lowerBound * 16, y_stride: y.stride)
    context.kernels.pointee.quantised_product(&product)
  }

  private func multiplyUnpacked(
    _ weight: any WeightPanels, panels: Range<Int>, into y: Tensor, worker: Int
  ) {
    guard let x = x.tensor else { preconditionFailure("a product of floats that were not made") }
    let scratch = context.pool.scratch(
      worker: worker, byteCount: panels.count * weight.depth * 64
    ).assumingMemoryBound(to: Float.self)
    let sgemm = context.level == .portable && x.rows > smallRowCount ? OpenBLAS.sgemm : nil
    // OpenBLAS wants [K, 16 · panels] with all panels side by side, our kernels panel after panel.
    let step = sgemm != nil ? 16 * panels.count : 16
    for (index, panel) in panels.enumerated() {
      weight.widen(
        panel: panel, blocks: 0..<weight.depth / 32,
        into: scratch + (sgemm != nil ? 16 * index : weight.depth * 16 * index), stride: step,
        in: context)
    }
    if let sgemm {
      sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(x.rows), blasint(step),
        blasint(weight.inputs), 1, x.pointer, blasint(x.stride), scratch, blasint(step), 0,
        y.pointer + panels.lowerBound * 16, blasint(y.stride))
    } else {
      multiplyFloats(
        scratch, type: GPT_PANEL_F32, panelStride: weight.depth * 64, depth: weight.inputs,
        panels: panels, into: y)
    }
  }
}
