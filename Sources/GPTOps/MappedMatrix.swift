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
  package let file: MappedFile
  private let order: RowOrder?

  /// - Parameters:
  ///   - rows: the matrix, in `file`, densely row after row
  ///   - order: nil: row n is output n
  package init(
    rows: UnsafeRawBufferPointer, in file: MappedFile, outputs: Int, inputs: Int,
    format: RowFormat, order: RowOrder? = nil
  ) {
    precondition(outputs > 0 && inputs > 0, "matrix [\(outputs), \(inputs)]")
    let byteCount = outputs * inputs * format.elementBytes
    guard let base = rows.baseAddress, rows.count == byteCount else {
      preconditionFailure("\(rows.count) bytes of a matrix [\(outputs), \(inputs)]")
    }
    precondition(order == nil || order?.count == outputs, "an order of other rows")
    self.outputs = outputs
    self.inputs = inputs
    self.format = format
    self.rows = base
    self.file = file
    self.order = order
  }

  /// Bytes of its rows.
  package var byteCount: Int { outputs * rowBytes }

  /// Its rows in the file's mapping.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: rows, count: byteCount)
  }

  private var rowBytes: Int { inputs * format.elementBytes }

  /// Stored row `index`.
  func row(_ index: Int) -> UnsafeRawPointer { rows + index * rowBytes }

  /// Panels, from a multiple of it on, whose outputs are the rows there, in some order.
  var panelsOfUnit: Int { (order?.unit ?? 16) / 16 }

  /// Which outputs some rows are, whole units of them; nil: those of their own numbers.
  func withPlaces(of rows: Range<Int>, _ body: (UnsafePointer<Int32>?) -> Void) {
    guard let order else { return body(nil) }
    order.outputOfRow.withUnsafeBufferPointer { places in
      body(places.baseAddress.map { $0 + rows.lowerBound })
    }
  }

  private func address(ofOutput output: Int) -> UnsafeRawPointer {
    row(order.map { Int($0.rowOfOutput[output]) } ?? output)
  }
}

/// Rows that are stored in another order than outputs have.
package struct RowOrder: Sendable {
  /// Outputs, a multiple of 16, that change places among themselves only.
  let unit: Int
  let rowOfOutput: [Int32]
  let outputOfRow: [Int32]

  var count: Int { rowOfOutput.count }

  /// - Parameter rowOfOutput: a permutation within each `unit` rows
  package init(unit: Int, rowOfOutput: [Int32]) {
    precondition(unit > 0 && unit % 16 == 0 && rowOfOutput.count % unit == 0, "units of \(unit)")
    self.unit = unit
    self.rowOfOutput = rowOfOutput
    var places = [Int32](repeating: -1, count: rowOfOutput.count)
    for (output, row) in rowOfOutput.enumerated() {
      precondition(Int(row) / unit == output / unit && places[Int(row)] < 0, "row \(row) twice")
      places[Int(row)] = Int32(output)
    }
    outputOfRow = places
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
    withRows(ofPanel: panel) { rows, count in
      context.kernels.pointee.widen_rows(
        format.kernelType, rows, count, Int32(32 * blocks.lowerBound), Int32(inputs),
        Int32(blocks.count), bytesToNext(panel), target, stride)
    }
  }

  func narrow(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<UInt16>,
    in context: ComputeContext
  ) {
    withRows(ofPanel: panel) { rows, count in
      context.kernels.pointee.narrow_rows(
        format.kernelType, rows, count, Int32(32 * blocks.lowerBound), Int32(inputs),
        Int32(blocks.count), bytesToNext(panel), target)
    }
  }

  /// Where the rows of a panel begin, and how many there are.
  private func withRows(
    ofPanel panel: Int, _ body: (UnsafePointer<UnsafeRawPointer?>, Int32) -> Void
  ) {
    let first = 16 * panel
    let count = min(16, outputs - first)
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 16) { addresses in
      addresses.initialize(repeating: nil)
      for index in 0..<count { addresses[index] = address(ofOutput: first + index) }
      if let base = addresses.baseAddress { body(UnsafePointer(base), Int32(count)) }
    }
  }

  /// From a panel to the one behind it, which is asked for next; 0: there is none.
  private func bytesToNext(_ panel: Int) -> Int {
    let first = 16 * panel
    guard first + 16 < outputs else { return 0 }
    return address(ofOutput: first + 16) - address(ofOutput: first)
  }
}
