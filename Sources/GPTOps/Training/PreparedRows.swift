import CKernels
import GPTTensor

/// Which of a context's buffers an operand is converted into.
package enum OperandSlot: Int, CaseIterable { case rows, transposed, input }

/// Where converted operands lie.
enum OperandMemory {
  /// In the context that trains a model.
  case slot(OperandSlot)
  /// In what belongs to a pass: passes of one model may run side by side.
  case workspace(Workspace)

  func bytes(_ count: Int, in context: ComputeContext) -> UnsafeMutableRawPointer {
    switch self {
    case .slot(let slot): context.operand(slot, byteCount: count)
    case .workspace(let workspace):
      UnsafeMutableRawPointer(
        workspace.tensor(rows: 1, columns: (count + 3) / 4).pointer)
    }
  }
}

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

  init(_ source: RowSource, memory: OperandMemory, in context: ComputeContext) {
    if let tensor = source.tensor {
      self.init(tensor.matrix, memory: memory, in: context)
      return
    }
    let (rows, columns) = (source.rows, source.columns)
    let form: Form
    if context.multipliesNarrow {
      form = PreparedRows.narrow(rows, columns, memory, context) { row, target, scratch in
        source.fill(row, scratch)
        context.kernels.pointee.to_bf16(scratch, target, source.columns)
        return source.columns
      }
    } else {
      let stride = Tensor.padded(columns)
      let base = memory.bytes(rows * stride * 4, in: context)
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

  /// The rows of a tensor as they are.
  init(wide tensor: Tensor) {
    self.init(
      rows: tensor.rows, columns: tensor.columns,
      form: .wide(tensor.pointer, stride: tensor.stride))
  }

  init(rows: Int, columns: Int, form: Form) {
    self.rows = rows
    self.columns = columns
    self.form = form
  }

  /// - Parameter matrix: as it lies, not transposed
  init(_ matrix: MatrixView, memory: OperandMemory, in context: ComputeContext) {
    precondition(!matrix.isTransposed, "rows of a transposed matrix")
    let (rows, columns) = (matrix.rows, matrix.columns)
    guard context.multipliesNarrow else {
      self.init(rows: rows, columns: columns, form: .wide(matrix.pointer, stride: matrix.stride))
      return
    }
    let form = PreparedRows.narrow(rows, columns, memory, context) { row, target, _ in
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
    _ rows: Int, _ columns: Int, _ memory: OperandMemory, _ context: ComputeContext,
    convert: (Int, UnsafeMutablePointer<UInt16>, UnsafeMutablePointer<Float>) -> Int
  ) -> Form {
    let padded = (columns + 31) & ~31
    let stride = PreparedRows.narrowStride(padded)
    let base = memory.bytes(rows * stride * 2, in: context)
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
