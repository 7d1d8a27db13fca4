import CKernels
import GPTTensor

/// Which of a context's buffers an operand is converted into.
package enum OperandSlot: Int, CaseIterable { case rows, transposed, input }

/// Rows in the precision of a context's products: one form serves as the left side, transposed as
/// the left side, and as the right side.
struct PreparedRows {
  enum Form {
    /// bf16, rows zero-padded to 32.
    case narrow(UnsafePointer<UInt16>, stride: Int)
    case wide(UnsafePointer<Float>, stride: Int)
  }

  let rows: Int
  let columns: Int
  let form: Form

  init(_ source: RowSource, slot: OperandSlot, in context: ComputeContext) {
    if let tensor = source.tensor {
      self.init(tensor.matrix, slot: slot, in: context)
      return
    }
    let (rows, columns) = (source.rows, source.columns)
    let form: Form
    if context.multipliesNarrow {
      form = PreparedRows.narrow(rows, columns, slot, context) { row, target, scratch in
        source.fill(row, scratch)
        context.kernels.pointee.to_bf16(scratch, target, source.columns)
        return source.columns
      }
    } else {
      let stride = Tensor.padded(columns)
      let base = context.operand(slot, byteCount: rows * stride * 4)
        .assumingMemoryBound(to: Float.self)
      context.forEachRow(rows) { row in
        let target = base + row * stride
        source.fill(row, target)
        for index in source.columns..<stride { target[index] = 0 }
      }
      form = .wide(UnsafePointer(base), stride: stride)
    }
    self.init(rows: rows, columns: columns, form: form)
  }

  private init(rows: Int, columns: Int, form: Form) {
    self.rows = rows
    self.columns = columns
    self.form = form
  }

  /// - Parameter matrix: as it lies, not transposed
  init(_ matrix: MatrixView, slot: OperandSlot, in context: ComputeContext) {
    precondition(!matrix.isTransposed, "rows of a transposed matrix")
    let (rows, columns) = (matrix.rows, matrix.columns)
    guard context.multipliesNarrow else {
      self.init(rows: rows, columns: columns, form: .wide(matrix.pointer, stride: matrix.stride))
      return
    }
    let form = PreparedRows.narrow(rows, columns, slot, context) { row, target, _ in
      // The padding of a tensor's rows holds zeros, which are worth as much as ours.
      let stored = min((matrix.columns + 31) & ~31, matrix.stride)
      context.kernels.pointee.to_bf16(matrix.pointer + row * matrix.stride, target, stored)
      return stored
    }
    self.init(rows: rows, columns: columns, form: form)
  }

  /// Rows that were rounded to bf16 in their own places: each fills the first half of its fp32 row,
  /// zero-padded to 32.
  init(narrowed matrix: MatrixView) {
    let form = UnsafeRawPointer(matrix.pointer).assumingMemoryBound(to: UInt16.self)
    self.init(
      rows: matrix.rows, columns: matrix.columns,
      form: .narrow(form, stride: 2 * matrix.stride))
  }

  /// - Parameter convert: writes a row and returns how many elements it wrote; may use a row of fp32
  private static func narrow(
    _ rows: Int, _ columns: Int, _ slot: OperandSlot, _ context: ComputeContext,
    convert: (Int, UnsafeMutablePointer<UInt16>, UnsafeMutablePointer<Float>) -> Int
  ) -> Form {
    let padded = (columns + 31) & ~31
    let stride = PreparedRows.narrowStride(padded)
    let base = context.operand(slot, byteCount: rows * stride * 2)
      .assumingMemoryBound(to: UInt16.self)
    context.forEachRow(rows) { row, worker in
      let scratch = context.pool.scratch(worker: worker, byteCount: padded * 4)
      let target = base + row * stride
      let written = convert(row, target, scratch.assumingMemoryBound(to: Float.self))
      for index in written..<padded { target[index] = 0 }
    }
    return .narrow(UnsafePointer(base), stride: stride)
  }

  /// Rows a power of two apart would compete for the same lines of the cache.
  static func narrowStride(_ padded: Int) -> Int { padded % 512 == 0 ? padded + 32 : padded }
}

/// The left side of a product in the form that the kernels read.
struct LeftOperand {
  enum Form {
    case narrow(UnsafePointer<UInt16>, stride: Int)
    case wide(UnsafePointer<Float>, stride: Int)
    /// fp32 panels of sixteen rows side by side, `[columns][16]` each.
    case panels(UnsafePointer<Float>)
  }

  let rows: Int
  let columns: Int
  let form: Form

  init(_ prepared: PreparedRows) {
    rows = prepared.rows
    columns = prepared.columns
    form =
      switch prepared.form {
      case .narrow(let pointer, let stride): .narrow(pointer, stride: stride)
      case .wide(let pointer, let stride): .wide(pointer, stride: stride)
      }
  }

  /// The transpose of `prepared`.
  init(transposing prepared: PreparedRows, in context: ComputeContext) {
    rows = prepared.columns
    columns = prepared.rows
    let panels = (rows + 15) / 16
    let depth = prepared.rows
    let kernels = context.kernels
    switch prepared.form {
    case .narrow(let source, let sourceStride):
      let stride = PreparedRows.narrowStride((depth + 31) & ~31)
      let base = context.operand(.transposed, byteCount: panels * 16 * stride * 2)
        .assumingMemoryBound(to: UInt16.self)
      LeftOperand.forEachGroup(of: panels, in: context) { first, count in
        kernels.pointee.transpose_bf16(
          source + 16 * first, sourceStride, Int32(depth), Int32(count),
          base + 16 * first * stride, stride)
      }
      form = .narrow(UnsafePointer(base), stride: stride)
    case .wide(let source, let sourceStride):
      let base = context.operand(.transposed, byteCount: panels * depth * 64)
        .assumingMemoryBound(to: Float.self)
      let panelStride = 16 * depth
      LeftOperand.forEachGroup(of: panels, in: context) { first, count in
        kernels.pointee.pack_columns_f32(
          source + 16 * first, sourceStride, Int32(depth), Int32(count),
          base + first * panelStride, panelStride)
      }
      form = .panels(UnsafePointer(base))
    }
  }

  /// Up to four panels at a time: their lines of a row lie side by side.
  private static func forEachGroup(
    of panels: Int, in context: ComputeContext, _ body: (Int, Int) -> Void
  ) {
    context.pool.run((panels + 3) / 4) { chunk, _ in
      body(4 * chunk, min(4, panels - 4 * chunk))
    }
  }
}
