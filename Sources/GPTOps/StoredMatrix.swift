import CKernels
package import GPTTensor

/// A quantised weight matrix `[outputs, inputs]` that is read where its file is mapped, block by
/// block: with `--low-memory` nothing of it exists in another form.
///
/// Few rows are multiplied with the blocks as they are. For many rows panels are arranged as they
/// are needed, as those of a `PackedMatrix` are while a model loads.
package final class StoredMatrix: @unchecked Sendable {
  // @unchecked: `rows` points into `file`, which is kept alive and never written.
  package let outputs: Int
  package let inputs: Int
  /// Of its panels, when they are arranged.
  let format: PanelFormat
  private let type: gpt_stored_type
  private let rows: UnsafeRawPointer
  private let rowBytes: Int
  private let rowOfOutput: [Int32]?
  private let file: MappedFile
  private let arrange: @Sendable (_ panel: Int, _ matrix: PackedMatrix) -> Void

  /// Whether rows are multiplied as such a file holds them.
  package static func multiplies(_ dtype: DType) -> Bool { dtype.storedType != nil }

  /// - Parameters:
  ///   - rows: the matrix, in `file`, densely row after row
  ///   - dtype: one that `multiplies`
  ///   - format: of its panels
  ///   - rowOfOutput: which row is which output; nil: row n is output n
  ///   - arrange: stores a panel in a matrix of that format
  package init(
    rows: UnsafeRawBufferPointer, in file: MappedFile, outputs: Int, inputs: Int, dtype: DType,
    format: PanelFormat, rowOfOutput: [Int32]?,
    arrange: @escaping @Sendable (_ panel: Int, _ matrix: PackedMatrix) -> Void
  ) {
    guard let type = dtype.storedType, let base = rows.baseAddress else {
      preconditionFailure("stored rows of \(dtype)")
    }
    rowBytes = inputs / dtype.blockLength * dtype.blockBytes
    precondition(inputs % dtype.blockLength == 0 && rows.count == outputs * rowBytes)
    precondition(rowOfOutput.map { $0.count == outputs } ?? true, "an order of other rows")
    self.outputs = outputs
    self.inputs = inputs
    self.type = type
    self.format = format
    self.rows = base
    self.rowOfOutput = rowOfOutput
    self.file = file
    self.arrange = arrange
  }

  package var byteCount: Int { outputs * rowBytes }

  /// Some panels, arranged now.
  func packed(_ panels: Range<Int>) -> PackedMatrix {
    let matrix = PackedMatrix(outputs: outputs, inputs: inputs, format: format, panels: panels)
    for panel in panels { arrange(panel, matrix) }
    return matrix
  }

  /// Panels of 16 outputs of x · weightᵀ, for few rows.
  func multiply(_ x: QuantisedRows, panels: Range<Int>, into y: Tensor, in context: ComputeContext)
  {
    let first = 16 * panels.lowerBound
    let count = min(16 * panels.upperBound, outputs) - first
    func multiply(_ rows: UnsafeRawPointer, _ order: UnsafePointer<Int32>?) {
      var product = gpt_stored_product(
        x: x.view, rows: Int32(y.rows), type: type,
        weights: rows.assumingMemoryBound(to: UInt8.self),
        row_bytes: rowBytes, row_of_output: order, outputs: Int32(count),
        blocks: Int32(inputs / 32), y: y.pointer + first, y_stride: y.stride)
      context.kernels.pointee.stored_product(&product)
    }
    guard let rowOfOutput else { return multiply(rows + first * rowBytes, nil) }
    rowOfOutput.withUnsafeBufferPointer { order in
      multiply(rows, order.baseAddress.map { $0 + first })
    }
  }
}

extension StoredMatrix: WeightPanels {
  package var depth: Int { (inputs + 31) & ~31 }
  package var panelCount: Int { (outputs + 15) / 16 }

  func multipliesIntegers(in context: ComputeContext) -> Bool { false }

  func widen(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<Float>, stride: Int,
    in context: ComputeContext
  ) {
    packed(panel..<panel + 1)
      .widen(panel: panel, blocks: blocks, into: target, stride: stride, in: context)
  }

  func narrow(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<UInt16>,
    in context: ComputeContext
  ) {
    packed(panel..<panel + 1).narrow(panel: panel, blocks: blocks, into: target, in: context)
  }
}

extension DType {
  fileprivate var storedType: gpt_stored_type? {
    switch self {
    case .q8_0: GPT_STORED_Q8_0
    case .q4_0: GPT_STORED_Q4_0
    case .q4_1: GPT_STORED_Q4_1
    case .q5_0: GPT_STORED_Q5_0
    case .q5_1: GPT_STORED_Q5_1
    case .q4K: GPT_STORED_Q4_K
    case .q6K: GPT_STORED_Q6_K
    default: nil
    }
  }
}
