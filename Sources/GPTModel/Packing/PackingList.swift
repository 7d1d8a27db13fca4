import GPTOps
import GPTTensor
import GPTWeights

/// Matrices that are still to be filled, piece by piece and all in one region: no core waits for
/// the others at the end of every matrix.
final class PackingList {
  /// Outputs of a matrix whose rows lie together.
  struct Piece {
    let tensor: StoredTensor
    let rows: RowSelection
    let matrix: PackedMatrix
    /// Begins at a whole panel.
    let outputs: Range<Int>
  }

  private var pieces: [Piece] = []

  /// Takes a matrix up, in pieces of `outputs` outputs.
  func add(_ matrix: PackedMatrix, of tensor: StoredTensor, rows: RowSelection, outputs: Int) {
    for first in stride(from: 0, to: rows.count, by: outputs) {
      pieces.append(
        Piece(
          tensor: tensor, rows: rows, matrix: matrix,
          outputs: first..<min(first + outputs, rows.count)))
    }
  }

  /// Fills all matrices taken up, and does `other` meanwhile, on one of the threads.
  func run(in context: ComputeContext, beside other: () -> Void) {
    // Several threads claim the last chunk first, one begins with chunk 0: what cannot be divided is
    // not left for the end, and a file that is not in memory is read from its beginning on.
    let isAlone = context.pool.threadCount == 1
    context.pool.run(pieces.count + 1) { chunk, worker in
      if chunk == pieces.count { return other() }
      pieces[isAlone ? chunk : pieces.count - 1 - chunk].pack(in: context, worker: worker)
    }
    pieces = []
  }
}

extension PackingList.Piece {
  /// Reads and does not map: mapping pages, and giving them back, takes longer than copying them.
  fileprivate func pack(in context: ComputeContext, worker: Int) {
    let storedBytes = (outputs.count * tensor.rowBytes + 63) & ~63
    let floatBytes = blockFormat(of: tensor.dtype) == nil ? 16 * tensor.columnCount * 4 : 0
    let scratch = context.pool.scratch(worker: worker, byteCount: storedBytes + floatBytes)
    let first = rows.first + outputs.lowerBound
    let part = tensor.copy(rows: first..<first + outputs.count, to: scratch)
    var partRows = rows
    partRows.first = -outputs.lowerBound
    let panels = outputs.lowerBound / 16..<(outputs.upperBound + 15) / 16
    matrix.makeResident(panels: panels)
    if let blocks = BlockPacking(part, rows: partRows, in: context) {
      for panel in panels { blocks.pack(panel: panel, into: matrix) }
    } else {
      let floats = (scratch + storedBytes).assumingMemoryBound(to: Float.self)
      for panel in panels { packFloats(of: part, partRows, panel: panel, scratch: floats) }
    }
  }

  private func packFloats(
    of part: StoredTensor, _ rows: RowSelection, panel: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    let count = matrix.inputs
    for lane in 0..<16 {
      let output = panel * 16 + lane
      guard output < rows.count else {
        (scratch + lane * count).update(repeating: 0, count: count)
        continue
      }
      let row = rows.storedRow(of: output)
      part.dequantise(rows: row..<row + 1, into: scratch + lane * count, rowStride: count)
    }
    matrix.packFloats(panel: panel, rows: scratch, rowStride: count)
  }
}
