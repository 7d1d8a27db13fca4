import CKernels
import GPTTensor

/// The left side of a product in the form that the kernels read.
struct LeftOperand {
  enum Form {
    /// bf16 rows, `stride` elements apart, zero-padded to 32.
    case narrow(UnsafePointer<UInt16>, stride: Int)
    /// fp32 rows where they lie.
    case rows(UnsafePointer<Float>, stride: Int)
    /// fp32 panels of sixteen rows side by side, `[columns][16]` each.
    case panels(UnsafePointer<Float>)
  }

  let rows: Int
  let columns: Int
  let form: Form

  /// - Parameter slot: which of the context's buffers holds the converted form
  init(_ matrix: MatrixView, slot: OperandSlot, in context: ComputeContext) {
    rows = matrix.rows
    columns = matrix.columns
    if context.multipliesNarrow {
      form = LeftOperand.narrow(matrix, slot: slot, in: context)
    } else if matrix.isTransposed {
      form = LeftOperand.panels(matrix, slot: slot, in: context)
    } else {
      form = .rows(matrix.pointer, stride: matrix.stride)
    }
  }

  private static func narrow(
    _ matrix: MatrixView, slot: OperandSlot, in context: ComputeContext
  ) -> Form {
    let padded = (matrix.columns + 31) & ~31
    // Rows a power of two apart would compete for the same lines of the cache.
    let stride = padded % 512 == 0 ? padded + 32 : padded
    let rowCount = (matrix.rows + 15) & ~15
    let base = context.operand(slot, byteCount: rowCount * stride * 2)
      .assumingMemoryBound(to: UInt16.self)
    let kernels = context.kernels
    if matrix.isTransposed {
      let panels = rowCount / 16
      let chunks = (panels + 3) / 4
      context.pool.run(chunks) { chunk, _ in
        let own = 4 * chunk..<min(4 * chunk + 4, panels)
        kernels.pointee.transpose_bf16(
          matrix.pointer + 16 * own.lowerBound, matrix.stride, Int32(matrix.columns),
          Int32(own.count), base + 16 * own.lowerBound * stride, stride)
      }
    } else {
      let stored = min(padded, matrix.stride)
      context.forEachRow(matrix.rows) { row in
        kernels.pointee.to_bf16(matrix.pointer + row * matrix.stride, base + row * stride, stored)
        for index in stored..<padded { base[row * stride + index] = 0 }
      }
    }
    return .narrow(UnsafePointer(base), stride: stride)
  }

  private static func panels(
    _ matrix: MatrixView, slot: OperandSlot, in context: ComputeContext
  ) -> Form {
    let panels = (matrix.rows + 15) / 16
    let base = context.operand(slot, byteCount: panels * matrix.columns * 64)
      .assumingMemoryBound(to: Float.self)
    let chunks = (panels + 3) / 4
    let panelStride = 16 * matrix.columns
    context.pool.run(chunks) { chunk, _ in
      let own = 4 * chunk..<min(4 * chunk + 4, panels)
      context.kernels.pointee.pack_columns_f32(
        matrix.pointer + 16 * own.lowerBound, matrix.stride, Int32(matrix.columns),
        Int32(own.count), base + own.lowerBound * panelStride, panelStride)
    }
    return .panels(UnsafePointer(base))
  }
}

/// Which of a context's buffers an operand is converted into.
package enum OperandSlot: Int, CaseIterable { case first, second }
