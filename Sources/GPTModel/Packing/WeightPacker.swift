package import GPTOps
package import GPTTensor
package import GPTWeights

/// Rearranges stored matrices for the kernels, all of them at once in `run`; those stored by columns
/// when they are asked for.
package struct WeightPacker {
  let context: ComputeContext
  /// Whether quantised weights stay as their file holds them.
  let keepsBlocks: Bool
  let region: BufferRegion
  private let list = PackingList()

  /// What is read and packed at a time.
  private let pieceBytes: Int

  /// - Parameter pieceBytes: few enough to stay in the caches of a core
  package init(
    context: ComputeContext, keepsBlocks: Bool, region: BufferRegion, pieceBytes: Int = 128 << 10
  ) {
    self.context = context
    self.keepsBlocks = keepsBlocks
    self.region = region
    self.pieceBytes = pieceBytes
  }

  /// A matrix that is filled by `run`, unless it is transposed.
  package func pack(_ tensor: StoredTensor, rows: RowSelection, transposed: Bool = false)
    -> PackedMatrix
  {
    if transposed { return packTransposed(tensor, rows: rows) }
    let matrix = PackedMatrix(
      outputs: rows.count, inputs: tensor.columnCount, format: panelFormat(for: tensor.dtype),
      in: region)
    list.add(matrix, of: tensor, rows: rows, outputs: outputsOfPiece(tensor, rows: rows))
    return matrix
  }

  /// Fills the matrices, and does `other` meanwhile, on one of the threads.
  package func run(beside other: () -> Void) { list.run(in: context, beside: other) }

  /// Outputs whose rows lie together, in whole panels.
  private func outputsOfPiece(_ tensor: StoredTensor, rows: RowSelection) -> Int {
    var unit = rows.interleavedHeadWidth ?? 16
    while unit % 16 != 0 { unit *= 2 }
    return max(pieceBytes / (tensor.rowBytes * unit), 1) * unit
  }

  func vector(_ tensor: StoredTensor, range: Range<Int>? = nil) -> Tensor {
    let range = range ?? 0..<tensor.elementCount
    let result = Tensor(rows: 1, columns: range.count)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: tensor.elementCount) { values in
      guard let values = values.baseAddress else { return }
      for row in 0..<tensor.rowCount {
        tensor.dequantise(row: row, into: values + row * tensor.columnCount)
      }
      result.pointer.update(from: values + range.lowerBound, count: range.count)
    }
    return result
  }

  func panelFormat(for dtype: DType) -> PanelFormat {
    switch dtype {
    case .f32: return context.precision == .bf16 ? .bf16 : .f32
    case .f16: return .f16
    case .bf16: return .bf16
    default:
      guard let blocks = blockFormat(of: dtype) else { return .f32 }
      return .quantised(
        bits: max(blocks.codeBits, 4), subBlockLength: blocks.subBlockLength,
        affine: blocks.hasMinimum, zero: blocks.zero)
    }
  }

  /// `[in, out]` as GPT-2's checkpoints store it; such files hold plain floats only.
  private func packTransposed(_ tensor: StoredTensor, rows: RowSelection) -> PackedMatrix {
    let memory = AlignedBuffer(byteCount: tensor.bytes.count)
    let values = tensor.copy(rows: 0..<tensor.rowCount, to: memory.base).dequantised()
    let inputs = tensor.rowCount
    let columns = tensor.columnCount
    let matrix = PackedMatrix(
      outputs: rows.count, inputs: inputs, format: panelFormat(for: tensor.dtype), in: region)
    context.pool.run(matrix.panelCount) { panel, worker in
      let scratch = context.pool.scratch(worker: worker, byteCount: 16 * inputs * 4)
        .assumingMemoryBound(to: Float.self)
      let lanes = min(16, rows.count - panel * 16)
      scratch.update(repeating: 0, count: 16 * inputs)
      values.withUnsafeBufferPointer { values in
        for input in 0..<inputs {
          let start = input * columns + rows.first + panel * 16
          for lane in 0..<lanes { scratch[lane * inputs + input] = values[start + lane] }
        }
      }
      matrix.packFloats(panel: panel, rows: scratch, rowStride: inputs)
    }
    return matrix
  }
}
