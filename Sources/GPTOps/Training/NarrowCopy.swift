import CKernels
package import GPTTensor

/// The elements of a tensor rounded to bf16, in half its memory.
package struct NarrowCopy {
  private let memory: Tensor
  private let rows: Int
  private let columns: Int

  /// - Parameter workspace: gives the memory
  package init(of tensor: Tensor, in workspace: Workspace, context: ComputeContext) {
    rows = tensor.rows
    columns = tensor.columns
    memory = workspace.tensor(rows: rows, columns: tensor.stride / 2)
    let (memory, toBF16) = (memory, context.kernels.pointee.to_bf16)
    context.forEachRow(rows) { row in
      toBF16?(tensor.row(row), Self.elements(memory, row), tensor.stride)
    }
  }

  /// Makes the elements fp32 again, in a tensor of the shape it was made of.
  package func widen(into tensor: Tensor, context: ComputeContext) {
    precondition(
      tensor.rows == rows && tensor.columns == columns,
      "[\(rows), \(columns)] into [\(tensor.rows), \(tensor.columns)]")
    let (memory, fromBF16) = (memory, context.kernels.pointee.from_bf16)
    context.forEachRow(rows) { row in
      fromBF16?(Self.elements(memory, row), tensor.row(row), tensor.stride)
    }
  }

  private static func elements(_ memory: Tensor, _ row: Int) -> UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(memory.row(row)).assumingMemoryBound(to: UInt16.self)
  }
}
