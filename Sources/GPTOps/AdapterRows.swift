import CKernels
import GPTTensor

/// What lies between the two matrices of adapters, of all that read the same rows: products of
/// those rows with one narrow side of each, scaled, side by side.
///
///     z[t, columns_i] = scale_i · Σ over k of x[t, k] · side_i[k, …]
struct AdapterRows {
  /// `[T, sum of ranks, each rounded up to 32]`
  private let prepared: PreparedRows
  /// Where each adapter's part lies, the rank wide.
  private let columns: [Range<Int>]

  /// Rows of x that pass all sides while they are in the cache.
  private static let rowsPerChunk = 32

  /// - Parameters: x `[T, K]`, every side `[K, rank]`; memory that lasts as long as the result,
  ///   scratch until it is made
  init(
    _ x: PreparedRows, _ sides: [(matrix: MatrixView, scale: Float)], memory: Workspace,
    scratch: Workspace, in context: ComputeContext
  ) {
    var columns: [Range<Int>] = []
    var width = 0
    for (matrix, _) in sides {
      precondition(matrix.rows == x.columns, "depth \(matrix.rows) and \(x.columns)")
      columns.append(width..<width + matrix.columns)
      width += (matrix.columns + 31) & ~31
    }
    self.columns = columns
    let isNarrow = if case .narrow = x.form { true } else { false }
    let stride = isNarrow ? PreparedRows.narrowStride(width) : width
    let target = OperandMemory.workspace(memory).bytes(
      x.rows * stride * (isNarrow ? 2 : 4), in: context)
    let job = AdapterJob(
      x: x, sides: sides, columns: columns, width: width, stride: stride, memory: scratch,
      context: context)
    let size = AdapterRows.rowsPerChunk
    context.pool.run((x.rows + size - 1) / size) { chunk, worker in
      let rows = chunk * size..<min((chunk + 1) * size, x.rows)
      job.run(rows: rows, into: target, worker: worker)
    }
    prepared = PreparedRows(
      rows: x.rows, columns: width,
      form: isNarrow
        ? .narrow(target.assumingMemoryBound(to: UInt16.self), stride: stride)
        : .wide(target.assumingMemoryBound(to: Float.self), stride: stride))
  }

  /// Adapter `index`'s part `[T, rank]`.
  func rows(_ index: Int) -> PreparedRows {
    let range = columns[index]
    let form: PreparedRows.Form =
      switch prepared.form {
      case .narrow(let pointer, let stride): .narrow(pointer + range.lowerBound, stride: stride)
      case .wide(let pointer, let stride): .wide(pointer + range.lowerBound, stride: stride)
      case .none: .none
      }
    return PreparedRows(rows: prepared.rows, columns: range.count, form: form)
  }
}

/// The products of `AdapterRows`, the sides packed once.
private struct AdapterJob {
  private struct Side {
    let panels: UnsafeMutableRawPointer
    let panelCount: Int
    let columns: Range<Int>
    let scale: Float
  }

  private let x: PreparedRows
  private let sides: [Side]
  private let width: Int
  private let stride: Int
  private let panelBytes: Int
  private let context: ComputeContext

  init(
    x: PreparedRows, sides: [(matrix: MatrixView, scale: Float)], columns: [Range<Int>],
    width: Int, stride: Int, memory: Workspace, context: ComputeContext
  ) {
    self.x = x
    self.width = width
    self.stride = stride
    self.context = context
    let isNarrow = if case .narrow = x.form { true } else { false }
    let panelBytes = ((x.columns + 31) & ~31) * 16 * (isNarrow ? 2 : 4)
    self.panelBytes = panelBytes
    self.sides = zip(sides, columns).map { side, columns in
      let count = (columns.count + 15) / 16
      let panels = OperandMemory.workspace(memory).bytes(count * panelBytes, in: context)
      let packing = PanelPacking(
        panels: 0..<count, stride: panelBytes, scratch: nil, context: context)
      if isNarrow {
        packing.packNarrow(
          .matrix(side.matrix), depths: 0..<x.columns,
          into: panels.assumingMemoryBound(to: UInt16.self))
      } else {
        packing.packWide(
          .matrix(side.matrix), depths: 0..<x.columns,
          into: panels.assumingMemoryBound(to: Float.self))
      }
      return Side(
        panels: panels, panelCount: count, columns: columns, scale: side.scale)
    }
  }

  func run(rows: Range<Int>, into target: UnsafeMutableRawPointer, worker: Int) {
    switch x.form {
    case .wide(let source, let sourceStride):
      let y = target.assumingMemoryBound(to: Float.self) + rows.lowerBound * stride
      y.update(repeating: 0, count: rows.count * stride)
      for side in sides {
        multiply(source + rows.lowerBound * sourceStride, sourceStride, rows.count, side, into: y)
      }
      scale(y, rows: rows.count, stride: stride)
    case .none: preconditionFailure("an adapter of rows in 8 bits")
    case .narrow(let source, let sourceStride):
      let y = context.pool.scratch(worker: worker, byteCount: rows.count * width * 4)
        .assumingMemoryBound(to: Float.self)
      y.update(repeating: 0, count: rows.count * width)
      for side in sides {
        multiply(source + rows.lowerBound * sourceStride, sourceStride, rows.count, side, into: y)
      }
      scale(y, rows: rows.count, stride: width)
      let narrow = target.assumingMemoryBound(to: UInt16.self) + rows.lowerBound * stride
      for row in 0..<rows.count {
        context.kernels.pointee.to_bf16(y + row * width, narrow + row * stride, width)
      }
    }
  }

  private func multiply(
    _ source: UnsafePointer<Float>, _ sourceStride: Int, _ rows: Int, _ side: Side,
    into y: UnsafeMutablePointer<Float>
  ) {
    var product = gpt_float_product(
      x: source, x_stride: sourceStride, x_step: 1, rows: Int32(rows), type: GPT_PANEL_F32,
      panels: side.panels, depth_stride: 64, panel_stride: panelBytes,
      panel_count: Int32(side.panelCount), depth: Int32(x.columns), y: y + side.columns.lowerBound,
      y_stride: stride, accumulate: 0, ahead: 0)
    context.kernels.pointee.float_product(&product)
  }

  private func multiply(
    _ source: UnsafePointer<UInt16>, _ sourceStride: Int, _ rows: Int, _ side: Side,
    into y: UnsafeMutablePointer<Float>
  ) {
    var product = gpt_bf16_product(
      x: source, x_stride: sourceStride, rows: Int32(rows),
      panels: UnsafePointer(side.panels.assumingMemoryBound(to: UInt16.self)),
      panel_stride: panelBytes, panel_count: Int32(side.panelCount),
      depth: Int32((x.columns + 31) & ~31), y: y + side.columns.lowerBound, y_stride: width,
      accumulate: 0,
      bias: nil, addend: nil, addend_stride: 0)
    let kernels = context.kernels.pointee
    let multiply =
      side.columns.count <= 8
      ? kernels.bf16_half_product ?? kernels.bf16_product
      : kernels.bf16_product
    multiply?(&product)
  }

  private func scale(_ y: UnsafeMutablePointer<Float>, rows: Int, stride: Int) {
    for side in sides {
      for row in 0..<rows {
        let part = y + row * stride + side.columns.lowerBound
        context.kernels.pointee.weighted_sum(
          side.scale, part, 0, part, part, 16 * side.panelCount)
      }
    }
  }
}
