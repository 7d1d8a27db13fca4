import GPTOps
import GPTTensor
import GPTWeights

extension WeightPacker {
  /// The matrix as it is run: in place where the file's form is multiplied, everything else packed.
  func weight(_ tensor: StoredTensor, rows: RowSelection, transposed: Bool) -> LinearWeight {
    let bytes = UnsafeRawBufferPointer(
      rebasing: tensor.bytes[
        rows.first * tensor.rowBytes..<(rows.first + rows.count) * tensor.rowBytes])
    if keepsInPlace(tensor), let packing = BlockPacking(tensor, rows: rows, in: context) {
      tensor.file.prefetch(bytes)
      return .stored(
        StoredMatrix(
          rows: bytes, in: tensor.file, outputs: rows.count, inputs: tensor.columnCount,
          dtype: tensor.dtype, format: panelFormat(for: tensor.dtype),
          rowOfOutput: rows.rowOfOutput, arrange: { packing.pack(panel: $0, into: $1) }))
    }
    guard let format = mappedFormat(of: tensor, rows: rows, transposed: transposed) else {
      return .packed(pack(tensor, rows: rows, transposed: transposed))
    }
    let order = rows.interleavedHeadWidth.flatMap { width in
      rows.rowOfOutput.map { RowOrder(unit: width, rowOfOutput: $0) }
    }
    tensor.file.prefetch(bytes)
    return .mapped(
      MappedMatrix(
        rows: bytes, in: tensor.file, outputs: rows.count, inputs: tensor.columnCount,
        format: format, order: order))
  }

  /// Whether quantised blocks are multiplied where they are.
  func keepsInPlace(_ tensor: StoredTensor) -> Bool {
    keepsBlocks && StoredMatrix.multiplies(tensor.dtype)
  }

  /// How the tensor is read in place; nil: it is packed, as its elements or its rows are in an
  /// order that no product takes, or as bf16 is enough of fp32 weights, in half their bytes.
  private func mappedFormat(
    of tensor: StoredTensor, rows: RowSelection, transposed: Bool
  ) -> RowFormat? {
    guard !transposed, (rows.interleavedHeadWidth ?? 16) % 16 == 0 else { return nil }
    return switch tensor.dtype {
    case .f32: context.precision == .bf16 ? nil : .f32
    case .f16: .f16
    case .bf16: .bf16
    default: nil
    }
  }
}

extension RowSelection {
  /// Nil when outputs are in the order of the rows from `first` on.
  fileprivate var rowOfOutput: [Int32]? {
    interleavedHeadWidth.map { _ in (0..<count).map { Int32(storedRow(of: $0) - first) } }
  }
}
