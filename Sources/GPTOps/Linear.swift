import CKernels
import COpenBLAS
package import GPTTensor

/// The matrix `[N, K]` of a linear layer.
package enum LinearWeight: Sendable {
  /// Rearranged for the kernels once, when a model was loaded to be run.
  case packed(PackedMatrix)
  /// As the optimizer changes it.
  case parameter(Parameter)

  package var outputs: Int {
    switch self {
    case .packed(let matrix): matrix.outputs
    case .parameter(let parameter): parameter.value.rows
    }
  }

  package var inputs: Int {
    switch self {
    case .packed(let matrix): matrix.inputs
    case .parameter(let parameter): parameter.value.columns
    }
  }
}

/// A weight matrix with its optional bias: y[t, n] = Σ over k of x[t, k] · weight[n, k] + bias[n].
package struct Linear: Sendable {
  package let weight: LinearWeight
  /// `[1, outputs]`
  package let bias: Parameter?

  package init(weight: LinearWeight, bias: Parameter?) {
    precondition(bias == nil || bias?.value.columns == weight.outputs, "bias of another length")
    self.weight = weight
    self.bias = bias
  }
}

/// Several products of the same rows in one parallel region.
///
///     y[t, n] = Σ over k of x[t, k] · weight[n, k] + bias[n]
///
/// - Parameters: x `[T, K]`; every target's weight `[N, K]`, its output `[T, N]`
///
/// Work is split over outputs only, and every output is summed in order of k: the result does not
/// depend on the number of threads.
package func project(
  _ x: RowSource, _ targets: [(linear: Linear, output: Tensor)], scratch: Workspace,
  in context: ComputeContext
) {
  var packed: [PackedTarget] = []
  for (linear, output) in targets {
    guard case .packed(let weight) = linear.weight else {
      return projectParameters(x, targets, in: context)
    }
    packed.append(PackedTarget(weight: weight, bias: linear.bias?.value, output: output))
  }
  let mark = scratch.mark()
  projectPacked(x.materialised(scratch, in: context), packed, in: context)
  scratch.release(to: mark)
}

/// sum[t, n] = x[t, n] + Σ over k of source[t, k] · weight[n, k] + bias[n], a residual connection.
///
/// - Parameters: source `[T, K]`, weight `[N, K]`; x and sum `[T, N]`, possibly the same
package func project(
  _ source: RowSource, through linear: Linear, addedTo x: Tensor, into sum: Tensor,
  scratch: Workspace, in context: ComputeContext
) {
  if case .parameter = linear.weight, x !== sum {
    return projectParameters(source, [(linear, sum)], addend: x, in: context)
  }
  let mark = scratch.mark()
  let output = scratch.tensor(rows: x.rows, columns: x.columns)
  project(source, [(linear, output)], scratch: scratch, in: context)
  add(output, x, into: sum, in: context)
  scratch.release(to: mark)
}

private struct PackedTarget {
  let weight: PackedMatrix
  let bias: Tensor?
  let output: Tensor
}

private func projectPacked(_ x: Tensor, _ targets: [PackedTarget], in context: ComputeContext) {
  let input = ProjectionInput(x, targets: targets.map(\.weight), in: context)
  let panels = targets.reduce(0) { $0 + $1.weight.panelCount }
  // Many rows: groups of four panels, so that their unpacked form stays in the L2 cache.
  let chunks = x.rows <= smallRowCount ? context.chunkCount(for: panels) : (panels + 3) / 4
  context.pool.run(chunks) { chunk, worker in
    var range = ComputeContext.range(of: chunk, chunks: chunks, count: panels)
    for target in targets where !range.isEmpty {
      let count = target.weight.panelCount
      let own = range.clamped(to: 0..<count)
      if !own.isEmpty {
        input.multiply(target.weight, panels: own, into: target.output, worker: worker)
        addBias(target.bias, panels: own, to: target.output, in: context)
      }
      range = max(range.lowerBound - count, 0)..<max(range.upperBound - count, 0)
    }
  }
}

/// Up to this many rows weights are multiplied as they are packed; above, they are unpacked first.
let smallRowCount = 8

private func addBias(
  _ bias: Tensor?, panels: Range<Int>, to output: Tensor, in context: ComputeContext
) {
  guard let bias else { return }
  let start = panels.lowerBound * 16
  let count = min(panels.upperBound * 16, output.columns) - start
  for row in 0..<output.rows {
    let target = output.row(row) + start
    context.kernels.pointee.add(target, bias.pointer + start, target, count)
  }
}

/// The left side of a product in every form that the weights at hand need.
private struct ProjectionInput {
  let x: Tensor
  let context: ComputeContext
  var quantised: QuantisedRows?
  var narrow: NarrowRows?

  init(_ x: Tensor, targets: [PackedMatrix], in context: ComputeContext) {
    self.x = x
    self.context = context
    for weight in targets {
      precondition(weight.inputs == x.columns, "\(x.columns) inputs for \(weight.inputs)")
      switch path(for: weight) {
      case .quantised: if quantised == nil { quantised = QuantisedRows(x, in: context) }
      case .bf16: if narrow == nil { narrow = NarrowRows(x, in: context) }
      case .panels, .unpacked: break
      }
    }
  }

  enum Path { case panels, quantised, bf16, unpacked }

  func path(for weight: PackedMatrix) -> Path {
    let few = x.rows <= smallRowCount
    let bf16 = context.precision != .fp32 && context.kernels.pointee.has_bf16_product != 0
    switch weight.format {
    case .f32, .f16:
      return bf16 && !few && context.precision == .bf16 ? .bf16 : .panels
    case .bf16:
      return bf16 && !few ? .bf16 : .panels
    case .quantised:
      if few && context.precision != .fp32 { return .quantised }
      return bf16 ? .bf16 : .unpacked
    }
  }

  func multiply(_ weight: PackedMatrix, panels: Range<Int>, into y: Tensor, worker: Int) {
    switch path(for: weight) {
    case .panels:
      multiplyFloats(
        weight.codes(ofPanel: panels.lowerBound), type: weight.panelType,
        panelStride: weight.panelStride, weight, panels: panels, into: y)
    case .quantised: multiplyQuantised(weight, panels: panels, into: y)
    case .bf16: multiplyNarrow(weight, panels: panels, into: y, worker: worker)
    case .unpacked: multiplyUnpacked(weight, panels: panels, into: y, worker: worker)
    }
  }

  private func multiplyFloats(
    _ first: UnsafeRawPointer, type: gpt_panel_type, panelStride: Int, _ weight: PackedMatrix,
    panels: Range<Int>, into y: Tensor
  ) {
    var product = gpt_float_product(
      x: x.pointer, x_stride: x.stride, x_step: 1, rows: Int32(x.rows), type: type, panels: first,
      depth_stride: type == GPT_PANEL_F16 ? 32 : 64, panel_stride: panelStride,
      panel_count: Int32(panels.count), depth: Int32(weight.inputs),
      y: y.pointer + panels.lowerBound * 16, y_stride: y.stride, accumulate: 0)
    context.kernels.pointee.float_product(&product)
  }

  private func multiplyQuantised(_ weight: PackedMatrix, panels: Range<Int>, into y: Tensor) {
    guard let quantised, let format = weight.kernelFormat else { return }
    var product = gpt_quantised_product(
      x: quantised.view, rows: Int32(x.rows), format: format,
      codes: weight.codes(ofPanel: panels.lowerBound),
      scales: weight.scales(ofPanel: panels.lowerBound),
      minimums: weight.minimums(ofPanel: panels.lowerBound),
      code_stride: weight.panelStride, scale_stride: weight.scaleStride,
      panel_count: Int32(panels.count), blocks: Int32(weight.depth / 32),
      y: y.pointer + panels.lowerBound * 16, y_stride: y.stride)
    context.kernels.pointee.quantised_product(&product)
  }

  private func multiplyNarrow(
    _ weight: PackedMatrix, panels: Range<Int>, into y: Tensor, worker: Int
  ) {
    guard let narrow else { return }
    var first = weight.codes(ofPanel: panels.lowerBound).withMemoryRebound(
      to: UInt16.self, capacity: 1
    ) { $0 }
    let stride = weight.depth * 32
    if weight.format != .bf16 {
      let scratch = context.pool.scratch(worker: worker, byteCount: panels.count * stride)
      for (index, panel) in panels.enumerated() {
        let out = (scratch + index * stride).assumingMemoryBound(to: UInt16.self)
        if var format = weight.kernelFormat {
          context.kernels.pointee.unpack_bf16(
            &format, weight.codes(ofPanel: panel), weight.scales(ofPanel: panel),
            weight.minimums(ofPanel: panel), Int32(weight.depth / 32), out)
        } else {
          context.kernels.pointee.narrow_panel(
            weight.panelType, weight.codes(ofPanel: panel), Int32(weight.depth), out)
        }
      }
      first = UnsafePointer(scratch.assumingMemoryBound(to: UInt16.self))
    }
    var product = gpt_bf16_product(
      x: narrow.pointer, x_stride: narrow.stride, rows: Int32(x.rows), panels: first,
      panel_stride: stride, panel_count: Int32(panels.count), depth: Int32(weight.depth),
      y: y.pointer + panels.lowerBound * 16, y_stride: y.stride, accumulate: 0,
      bias: nil, addend: nil, addend_stride: 0)
    context.kernels.pointee.bf16_product?(&product)
  }

  private func multiplyUnpacked(
    _ weight: PackedMatrix, panels: Range<Int>, into y: Tensor, worker: Int
  ) {
    guard var format = weight.kernelFormat else { return }
    let scratch = context.pool.scratch(
      worker: worker, byteCount: panels.count * weight.depth * 64
    ).assumingMemoryBound(to: Float.self)
    let sgemm = context.level == .portable && x.rows > smallRowCount ? OpenBLAS.sgemm : nil
    // OpenBLAS wants [K, 16 · panels] with all panels side by side, our kernels panel after panel.
    let step = sgemm != nil ? 16 * panels.count : 16
    for (index, panel) in panels.enumerated() {
      context.kernels.pointee.unpack_f32(
        &format, weight.codes(ofPanel: panel), weight.scales(ofPanel: panel),
        weight.minimums(ofPanel: panel), Int32(weight.depth / 32),
        scratch + (sgemm != nil ? 16 * index : weight.depth * 16 * index), step)
    }
    if let sgemm {
      sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(x.rows), blasint(step),
        blasint(weight.inputs), 1, x.pointer, blasint(x.stride), scratch, blasint(step), 0,
        y.pointer + panels.lowerBound * 16, blasint(y.stride))
    } else {
      multiplyFloats(
        scratch, type: GPT_PANEL_F32, panelStride: weight.depth * 64, weight, panels: panels,
        into: y)
    }
  }
}
