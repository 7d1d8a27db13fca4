/// Which rows of a stored matrix become which outputs.
package struct RowSelection: Sendable {
  /// The row of output 0, counted from the first row of the tensor at hand: below 0 where that is a
  /// copy of later rows.
  package var first: Int
  package var count: Int
  /// Undo llama.cpp's order of query and key rows: within a head of this width, stored row
  /// 2 i + j holds output row j · D / 2 + i.
  package var interleavedHeadWidth: Int?

  package init(first: Int = 0, count: Int, interleavedHeadWidth: Int? = nil) {
    self.first = first
    self.count = count
    self.interleavedHeadWidth = interleavedHeadWidth
  }

  package func storedRow(of output: Int) -> Int {
    guard let width = interleavedHeadWidth else { return first + output }
    let (head, row) = (output / width, output % width)
    let (half, pair) = (row / (width / 2), row % (width / 2))
    return first + head * width + 2 * pair + half
  }
}
