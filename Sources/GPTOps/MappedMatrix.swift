import CKernels
package import GPTTensor

/// How a file holds the elements of a `MappedMatrix`.
package enum RowFormat: Sendable, Equatable {
  case f32, f16, bf16

  package var elementBytes: Int { self == .f32 ? 4 : 2 }

  var kernelType: gpt_panel_type {
    switch self {
    case .f32: GPT_PANEL_F32
    case .f16: GPT_PANEL_F16
    case .bf16: GPT_PANEL_BF16
    }
  }
}

/// A weight matrix `[outputs, inputs]` of floats that is read where its file is mapped: row after
/// row, at any address, with nothing copied when a model is opened.
package final class MappedMatrix: @unchecked Sendable {
  // @unchecked: `rows` points into `file`, which is kept alive and never written.
  package let outputs: Int
  package let inputs: Int
  package let format: RowFormat
  private let rows: UnsafeRawPointer
  private let file: MappedFile
  /// The row that an output lies in, unless that is its own number.
  private let order: [Int32]?

  /// - Parameters:
  ///   - rows: the matrix, in `file`, densely row after row
  ///   - order: the stored row of every output; nil: as they come
  package init(
    rows: UnsafeRawBufferPointer, in file: MappedFile, outputs: Int, inputs: Int,
    format: RowFormat, order: [Int32]? = nil
  ) {
    precondition(outputs > 0 && inputs > 0, "matrix [\(outputs), \(inputs)]")
    let byteCount = outputs * inputs * format.elementBytes
    guard let base = rows.baseAddress, rows.count == byteCount else {
      preconditionFailure("\(rows.count) bytes of a matrix [\(outputs), \(inputs)]")
    }
    precondition(
      order.map { $0.count == outputs && $0.allSatisfy { $0 >= 0 && $0 < outputs } } ?? true)
    self.outputs = outputs
    self.inputs = inputs
    self.format = format
    self.rows = base
    self.file = file
    self.order = order
  }

  /// Bytes of its rows.
  package var byteCount: Int { outputs * rowBytes }

  private var rowBytes: Int { inputs * format.elementBytes }

  /// Where the rows of some outputs begin.
  func withRows<Result>(
    of chosen: Range<Int>, _ body: (UnsafePointer<UnsafeRawPointer?>) -> Result
  ) -> Result {
    precondition(chosen.lowerBound >= 0 && chosen.upperBound <= outputs, "outputs \(chosen)")
    return withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: chosen.count + 1) {
      addresses in
      for (index, output) in chosen.enumerated() {
        addresses.initializeElement(
          at: index, to: rows + (order.map { Int($0[output]) } ?? output) * rowBytes)
      }
      addresses.initializeElement(at: chosen.count, to: nil)
      guard let base = addresses.baseAddress else { preconditionFailure("no memory") }
      return body(UnsafePointer(base))
    }
  }
}

extension MappedMatrix: WeightPanels {
  package var depth: Int { (inputs + 31) & ~31 }
  package var panelCount: Int { (outputs + 15) / 16 }

  func multipliesIntegers(in context: ComputeContext) -> Bool { false }

  func widen(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<Float>, stride: Int,
    in context: ComputeContext
  ) {
    let chosen = outputs(ofPanel: panel)
    withRows(of: chosen) { rows in
      context.kernels.pointee.widen_rows(
        format.kernelType, rows, Int32(chosen.count), Int32(32 * blocks.lowerBound), Int32(inputs),
        Int32(blocks.count), target, stride)
    }
  }

  func narrow(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<UInt16>,
    in context: ComputeContext
  ) {
    let chosen = outputs(ofPanel: panel)
    withRows(of: chosen) { rows in
      context.kernels.pointee.narrow_rows(
        format.kernelType, rows, Int32(chosen.count), Int32(32 * blocks.lowerBound), Int32(inputs),
        Int32(blocks.count), target)
    }
  }

  private func outputs(ofPanel panel: Int) -> Range<Int> {
    16 * panel..<min(16 * panel + 16, outputs)
  }
}
