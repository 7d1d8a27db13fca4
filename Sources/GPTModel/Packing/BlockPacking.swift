import GPTOps
import GPTTensor
import GPTWeights

/// Rearranges the rows of a stored quantised matrix, a panel at a time.
struct BlockPacking: Sendable {
  private let tensor: StoredTensor
  private let rows: RowSelection
  private let context: ComputeContext

  /// nil for floats.
  init?(_ tensor: StoredTensor, rows: RowSelection, in context: ComputeContext) {
    guard blockFormat(of: tensor.dtype) != nil else { return nil }
    self.tensor = tensor
    self.rows = rows
    self.context = context
  }

  func pack(panel: Int, into matrix: PackedMatrix) {
    if moveBlocks(panel: panel, into: matrix) { return }
    guard let blocks = blockFormat(of: tensor.dtype) else { return }
    let depth = matrix.depth
    let subBlocks = depth / blocks.subBlockLength
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16 * depth) { codes in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 32 * subBlocks) { factors in
        guard let codes = codes.baseAddress, let scales = factors.baseAddress else { return }
        let minimums = scales + 16 * subBlocks
        for lane in 0..<16 {
          decode(
            blocks, output: panel * 16 + lane, codes: codes + lane * depth, count: depth,
            scales: scales + lane * subBlocks, minimums: minimums + lane * subBlocks,
            subBlocks: subBlocks)
        }
        matrix.packCodes(
          panel: panel, codes: codes, scales: scales, minimums: minimums, in: context)
      }
    }
  }

  /// Zeros for an output that does not exist.
  private func decode(
    _ blocks: any BlockFormat.Type, output: Int, codes: UnsafeMutablePointer<UInt8>, count: Int,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>, subBlocks: Int
  ) {
    guard output < rows.count, let base = tensor.bytes.baseAddress else {
      codes.update(repeating: 0, count: count)
      scales.update(repeating: 0, count: subBlocks)
      minimums.update(repeating: 0, count: subBlocks)
      return
    }
    blocks.decode(
      blocks: base + rows.storedRow(of: output) * tensor.rowBytes,
      count: tensor.columnCount / tensor.dtype.blockLength, codes: codes, scales: scales,
      minimums: minimums)
  }

  /// What the code words of a type are changed by whose blocks are otherwise packed as they lie.
  private var flip: UInt32? {
    switch tensor.dtype {
    case .q4_0: 0
    case .q8_0: 0x8080_8080
    default: nil
    }
  }

  /// Packs sixteen whole rows whose blocks only change places; false for others.
  private func moveBlocks(panel: Int, into matrix: PackedMatrix) -> Bool {
    guard let flip, panel * 16 + 16 <= rows.count,
      let base = tensor.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    else { return false }
    withUnsafeTemporaryAllocation(of: UnsafePointer<UInt8>?.self, capacity: 16) { pointers in
      for lane in 0..<16 {
        pointers.initializeElement(
          at: lane, to: base + rows.storedRow(of: panel * 16 + lane) * tensor.rowBytes)
      }
      guard let first = pointers.baseAddress else { return }
      matrix.packBlocks(panel: panel, rows: first, flip: flip, in: context)
    }
    return true
  }
}
