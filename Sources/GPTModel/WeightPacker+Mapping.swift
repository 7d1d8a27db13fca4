import GPTOps
import GPTTensor
import GPTWeights

extension WeightPacker {
  /// The matrix as it is run: floats where the file holds them, everything else packed.
  func weight(_ tensor: StoredTensor, rows: RowSelection, transposed: Bool) -> LinearWeight {
    guard let format = mappedFormat(of: tensor, rows: rows, transposed: transposed) else {
      return .packed(pack(tensor, rows: rows, transposed: transposed))
    }
    let bytes = UnsafeRawBufferPointer(
      rebasing: tensor.bytes[
        rows.first * tensor.rowBytes..<(rows.first + rows.count) * tensor.rowBytes])
    let order = rows.interleavedHeadWidth.map { width in
      RowOrder(
        unit: width,
        rowOfOutput: (0..<rows.count).map { Int32(rows.storedRow(of: $0) - rows.first) })
    }
    tensor.file.prefetch(bytes)
    return .mapped(
      MappedMatrix(
        rows: bytes, in: tensor.file, outputs: rows.count, inputs: tensor.columnCount,
        format: format, order: order))
  }

  /// Hands back the pages of a tensor that was packed.
  func finish(_ tensor: StoredTensor, rows: RowSelection, transposed: Bool) {
    if mappedFormat(of: tensor, rows: rows, transposed: transposed) == nil {
      tensor.releasePages()
    }
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
