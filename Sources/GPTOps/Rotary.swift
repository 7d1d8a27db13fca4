import CKernels
package import GPTTensor
import Glibc

/// Cosines and sines of the rotary angles, one row a position.
package struct RotaryTable: Sendable {
  /// `[positions, D / 2]`
  package let cosines: Tensor
  package let sines: Tensor
  let negativeSines: Tensor
  /// The table's row for each row of activations; nil: in order, and beyond the last anew.
  package var rows: [Int32]?

  /// - Parameter frequencies: radians per position of each of the D / 2 pairs.
  package init(positions: [Int], frequencies: [Double], scale: Double) {
    cosines = Tensor(rows: positions.count, columns: frequencies.count)
    sines = Tensor(rows: positions.count, columns: frequencies.count)
    negativeSines = Tensor(rows: positions.count, columns: frequencies.count)
    for (row, position) in positions.enumerated() {
      for (index, frequency) in frequencies.enumerated() {
        let angle = Double(position) * frequency
        cosines.row(row)[index] = Float(cos(angle) * scale)
        sines.row(row)[index] = Float(sin(angle) * scale)
        negativeSines.row(row)[index] = -sines.row(row)[index]
      }
    }
  }
}

/// Rotary position embedding of every head, in place.
///
///     (x[i], x[i + D/2]) ← rotation by position · frequency[i] of (x[i], x[i + D/2])
///
/// - Parameters: x `[T, heads · D]`; table with the positions of the T rows
/// - Source: Su et al. 2021, arXiv:2104.09864; half-split pairs as in GPT-NeoX
package func rotate(
  _ x: Tensor, headCount: Int, headWidth: Int, by table: RotaryTable, in context: ComputeContext
) {
  rotate(x, headCount: headCount, headWidth: headWidth, by: table, sines: table.sines, in: context)
}

/// Backward of `rotate`: the gradient turns back, in place.
package func rotateBackward(
  _ gradient: Tensor, headCount: Int, headWidth: Int, by table: RotaryTable,
  in context: ComputeContext
) {
  rotate(
    gradient, headCount: headCount, headWidth: headWidth, by: table, sines: table.negativeSines,
    in: context)
}

private func rotate(
  _ x: Tensor, headCount: Int, headWidth: Int, by table: RotaryTable, sines: Tensor,
  in context: ComputeContext
) {
  let half = table.cosines.columns
  let period = table.cosines.rows
  context.forEachRow(x.rows) { row in
    let place = table.rows.map { Int($0[row]) } ?? row % period
    for head in 0..<headCount {
      context.kernels.pointee.rotate(
        x.row(row) + head * headWidth, table.cosines.row(place), sines.row(place), Int32(half))
    }
  }
}
