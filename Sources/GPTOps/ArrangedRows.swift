import CKernels
import GPTTensor

/// A few rows of activations in fp32, in the order in which rows of a format are loaded.
struct ArrangedRows {
  let format: RowFormat
  private let rows: Tensor

  /// - Parameter scratch: holds them until the products are done
  init(_ x: Tensor, for format: RowFormat, scratch: Workspace, in context: ComputeContext) {
    self.format = format
    rows = scratch.tensor(rows: x.rows, columns: (x.columns + 31) & ~31)
    for row in 0..<x.rows {
      context.kernels.pointee.arrange_row(
        format.kernelType, x.row(row), Int32(x.columns), rows.row(row))
    }
  }

  /// Panels of 16 outputs of x · weightᵀ.
  func multiply(
    _ weight: MappedMatrix, panels: Range<Int>, into y: Tensor, in context: ComputeContext
  ) {
    let first = 16 * panels.lowerBound
    let outputs = first..<min(16 * panels.upperBound, weight.outputs)
    weight.withPlaces(of: outputs) { places in
      var product = gpt_rows_product(
        x: rows.pointer, x_stride: rows.stride, rows: Int32(rows.rows), type: format.kernelType,
        weights: weight.row(first), outputs: Int32(outputs.count), depth: Int32(weight.inputs),
        y: places == nil ? y.pointer + first : y.pointer, y_stride: y.stride, places: places)
      context.kernels.pointee.rows_product(&product)
    }
  }
}
