import CKernels
import GPTTensor

/// Which of a context's buffers an operand is converted into.
package enum OperandSlot: Int, CaseIterable { case rows, transposed, alsoTransposed, input }

/// Where converted operands lie.
enum OperandMemory {
  /// In the context that trains a model.
  case slot(OperandSlot)
  /// In what belongs to a pass: passes of one model may run side by side.
  case workspace(Workspace)
  /// Floats in what lasts until backward reads them, other forms in `scratch`.
  case kept(Workspace, scratch: Workspace)

  func bytes(_ count: Int, in context: ComputeContext) -> UnsafeMutableRawPointer {
    switch self {
    case .slot(let slot): context.operand(slot, byteCount: count)
    case .workspace(let workspace), .kept(let workspace, _):
      UnsafeMutableRawPointer(
        workspace.tensor(rows: 1, columns: (count + 3) / 4).pointer)
    }
  }

  /// Memory of rows in both of their forms.
  fileprivate func bytes(
    floats: Int, integers: Int, in context: ComputeContext
  ) -> (floats: UnsafeMutableRawPointer, integers: UnsafeMutableRawPointer) {
    if case .kept(let workspace, let scratch) = self, integers > 0 {
      return (
        OperandMemory.workspace(workspace).bytes(floats, in: context),
        OperandMemory.workspace(scratch).bytes(integers, in: context)
      )
    }
    let base = bytes(floats + integers, in: context)
    return (base, base + floats)
  }
}

/// What rows are converted into.
struct OperandForms: OptionSet {
  let rawValue: Int
  /// bf16 or fp32, as the context multiplies.
  static let floats = OperandForms(rawValue: 1)
  /// 8 bits, for quantised weights.
  static let integers = OperandForms(rawValue: 2)
}

/// Rows in the precision of a context's products: one form serves as the left side, transposed as
/// the left side, and as the right side; another, in 8 bits, as the left side of quantised weights.
struct PreparedRows {
  enum Form {
    /// bf16, rows zero-padded to 32.
    case narrow(UnsafePointer<UInt16>, stride: Int)
    case wide(UnsafePointer<Float>, stride: Int)
    case none
  }

  let rows: Int
  let columns: Int
  let form: Form
  let integers: IntegerRows?

  init(
    _ source: RowSource, _ forms: OperandForms = .floats, memory: OperandMemory,
    in context: ComputeContext
  ) {
    if let tensor = source.tensor {
      self.init(tensor.matrix, forms, memory: memory, in: context)
      return
    }
    let targets = RowTargets(
      rows: source.rows, columns: source.columns, forms, memory: memory, in: context)
    let padded = (source.columns + 31) & ~31
    context.forEachRow(source.rows) { row, worker in
      let scratch = context.pool.scratch(worker: worker, byteCount: padded * 4)
        .assumingMemoryBound(to: Float.self)
      source.fill(row, scratch)
      for index in source.columns..<padded { scratch[index] = 0 }
      targets.write(row, from: scratch, stored: padded, in: context)
    }
    self.init(targets)
  }

  /// - Parameter matrix: as it lies, not transposed
  init(
    _ matrix: MatrixView, _ forms: OperandForms = .floats, memory: OperandMemory,
    in context: ComputeContext
  ) {
    precondition(!matrix.isTransposed, "rows of a transposed matrix")
    // fp32 rows are what they are.
    let isWide = forms.contains(.floats) && !context.multipliesNarrow
    let converted = isWide ? forms.subtracting(.floats) : forms
    var targets = RowTargets(
      rows: matrix.rows, columns: matrix.columns, converted, memory: memory, in: context)
    if !converted.isEmpty {
      // The padding of a tensor's rows holds zeros, which are worth as much as ours.
      let stored = min((matrix.columns + 31) & ~31, matrix.stride)
      let all = targets
      context.forEachRow(matrix.rows) { row in
        all.write(row, from: matrix.pointer + row * matrix.stride, stored: stored, in: context)
      }
    }
    if isWide { targets.form = .wide(matrix.pointer, stride: matrix.stride) }
    self.init(targets)
  }

  private init(_ targets: RowTargets) {
    rows = targets.rows
    columns = targets.columns
    form = targets.form
    integers = targets.integers
  }

  /// The rows of a tensor as they are.
  init(wide tensor: Tensor) {
    self.init(
      rows: tensor.rows, columns: tensor.columns,
      form: .wide(tensor.pointer, stride: tensor.stride))
  }

  init(rows: Int, columns: Int, form: Form, integers: IntegerRows? = nil) {
    self.rows = rows
    self.columns = columns
    self.form = form
    self.integers = integers
  }

  /// Rows that were rounded to bf16 in their own places: each fills the first half of its fp32 row,
  /// zero-padded to 32.
  init(narrowed matrix: MatrixView) {
    let form = UnsafeRawPointer(matrix.pointer).assumingMemoryBound(to: UInt16.self)
    self.init(
      rows: matrix.rows, columns: matrix.columns,
      form: .narrow(form, stride: 2 * matrix.stride))
  }

  /// Rows that were rounded to 8 bits in their own places.
  init(coded matrix: MatrixView) {
    self.init(
      rows: matrix.rows, columns: matrix.columns, form: .none,
      integers: IntegerRows(replacing: matrix))
  }

  /// Rows a power of two apart would compete for the same lines of the cache.
  static func narrowStride(_ padded: Int) -> Int { padded % 512 == 0 ? padded + 32 : padded }
}

/// Where rows are converted to.
private struct RowTargets {
  let rows: Int
  let columns: Int
  var form: PreparedRows.Form
  let integers: IntegerRows?

  init(
    rows: Int, columns: Int, _ forms: OperandForms, memory: OperandMemory,
    in context: ComputeContext
  ) {
    self.rows = rows
    self.columns = columns
    let isNarrow = context.multipliesNarrow
    let stride =
      isNarrow ? PreparedRows.narrowStride((columns + 31) & ~31) : Tensor.padded(columns)
    let floatBytes =
      forms.contains(.floats) ? (rows * stride * (isNarrow ? 2 : 4) + 63) & ~63 : 0
    let integerBytes =
      forms.contains(.integers) ? IntegerRows.byteCount(rows: rows, columns: columns) : 0
    form = .none
    guard floatBytes + integerBytes > 0 else {
      integers = nil
      return
    }
    let base = memory.bytes(floats: floatBytes, integers: integerBytes, in: context)
    if forms.contains(.floats) {
      form =
        isNarrow
        ? .narrow(base.floats.assumingMemoryBound(to: UInt16.self), stride: stride)
        : .wide(base.floats.assumingMemoryBound(to: Float.self), stride: stride)
    }
    integers =
      forms.contains(.integers)
      ? IntegerRows(rows: rows, columns: columns, in: base.integers) : nil
  }

  /// - Parameter stored: elements of x, zeros behind the columns included; at most the columns
  ///   rounded up to 32
  func write(_ row: Int, from x: UnsafePointer<Float>, stored: Int, in context: ComputeContext) {
    switch form {
    case .narrow(let base, let stride):
      let target = UnsafeMutablePointer(mutating: base) + row * stride
      context.kernels.pointee.to_bf16(x, target, stored)
      for index in stored..<max(stored, (columns + 31) & ~31) { target[index] = 0 }
    case .wide(let base, let stride):
      UnsafeMutablePointer(mutating: base + row * stride).update(from: x, count: stride)
    case .none: break
    }
    integers?.write(row, from: x, columns: columns, in: context)
  }
}
