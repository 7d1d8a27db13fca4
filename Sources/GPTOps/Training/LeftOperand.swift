import CKernels
import GPTTensor

/// The left side of a product in the form that the kernels read.
struct LeftOperand {
  enum Form {
    case narrow(UnsafePointer<UInt16>, stride: Int)
    case wide(UnsafePointer<Float>, stride: Int)
    /// fp32 panels of sixteen rows side by side, `[columns][16]` each.
    case panels(UnsafePointer<Float>)
    /// 8 bits alone.
    case none
  }

  let rows: Int
  let columns: Int
  let form: Form
  let integers: IntegerRows?

  init(_ prepared: PreparedRows) {
    rows = prepared.rows
    columns = prepared.columns
    integers = prepared.integers
    form =
      switch prepared.form {
      case .none: .none
      case .narrow(let pointer, let stride): .narrow(pointer, stride: stride)
      case .wide(let pointer, let stride): .wide(pointer, stride: stride)
      }
  }

  /// The transpose of `prepared`, or of some of its columns.
  ///
  /// - Parameter chosen: begins with a multiple of 16; nil: all columns
  init(
    transposing prepared: PreparedRows, columns chosen: Range<Int>? = nil,
    slot: OperandSlot = .transposed, in context: ComputeContext
  ) {
    let chosen = chosen ?? 0..<prepared.columns
    precondition(chosen.lowerBound % 16 == 0 && chosen.upperBound <= prepared.columns)
    rows = chosen.count
    columns = prepared.rows
    integers = nil
    let start = chosen.lowerBound
    let panels = (rows + 15) / 16
    let depth = prepared.rows
    let kernels = context.kernels
    switch prepared.form {
    case .narrow(let source, let sourceStride):
      let stride = PreparedRows.narrowStride((depth + 31) & ~31)
      let base = context.operand(slot, byteCount: panels * 16 * stride * 2)
        .assumingMemoryBound(to: UInt16.self)
      LeftOperand.forEachGroup(of: panels, in: context) { first, count in
        kernels.pointee.transpose_bf16(
          source + start + 16 * first, sourceStride, Int32(depth), Int32(count),
          base + 16 * first * stride, stride)
      }
      form = .narrow(UnsafePointer(base), stride: stride)
    case .wide(let source, let sourceStride):
      let base = context.operand(slot, byteCount: panels * depth * 64)
        .assumingMemoryBound(to: Float.self)
      let panelStride = 16 * depth
      LeftOperand.forEachGroup(of: panels, in: context) { first, count in
        kernels.pointee.pack_columns_f32(
          source + start + 16 * first, sourceStride, Int32(depth), Int32(count),
          base + first * panelStride, panelStride)
      }
      form = .panels(UnsafePointer(base))
    case .none: preconditionFailure("a transpose of rows in 8 bits")
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
