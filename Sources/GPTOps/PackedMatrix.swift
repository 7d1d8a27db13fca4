import CKernels
package import GPTTensor

/// How a packed matrix keeps its elements.
package enum PanelFormat: Sendable, Equatable {
  case f32, f16, bf16
  /// Codes of `bits` (4, 5, 6 or 8), a scale per `subBlockLength` (16 or 32) inputs:
  /// value = scale · (code − zero) + minimum.
  case quantised(bits: Int, subBlockLength: Int, affine: Bool, zero: Int)

  /// Bytes of one panel of 16 outputs by `depth` inputs (a multiple of 32), scales included.
  fileprivate func layout(depth: Int) -> (codes: Int, scales: Int) {
    switch self {
    case .f32: (depth * 64, 0)
    case .f16, .bf16: (depth * 32, 0)
    case .quantised(let bits, let subBlockLength, _, _):
      (depth * 2 * bits, depth / subBlockLength * 16)
    }
  }
}

/// A weight matrix `[outputs, inputs]` rearranged for the kernels: panels of 16 outputs.
///
/// Both dimensions are padded with zeros, outputs to 16 and inputs to 32. Panels are written once,
/// each by one thread, and only read afterwards. Layouts: `CKernels.h`.
package final class PackedMatrix: @unchecked Sendable {
  package let outputs: Int
  package let inputs: Int
  package let format: PanelFormat
  /// Inputs rounded up to whole blocks of 32.
  package let depth: Int
  package let panelCount: Int
  /// Those that it holds: all, unless it stands for a `StoredMatrix` for a while.
  private let held: Range<Int>
  private let codes: AlignedBuffer
  private let scales: AlignedBuffer?
  private let minimums: AlignedBuffer?
  /// Bytes from panel to panel.
  let panelStride: Int
  /// fp16 scales from panel to panel.
  let scaleStride: Int

  /// - Parameters:
  ///   - panels: those that there is to be room for; nil: all
  ///   - region: where it lies; nil: in memory of its own
  package init(
    outputs: Int, inputs: Int, format: PanelFormat, panels: Range<Int>? = nil,
    in region: BufferRegion? = nil
  ) {
    func buffer(_ byteCount: Int) -> AlignedBuffer {
      region?.buffer(byteCount: byteCount) ?? AlignedBuffer(byteCount: byteCount)
    }
    precondition(outputs > 0 && inputs > 0, "matrix [\(outputs), \(inputs)]")
    self.outputs = outputs
    self.inputs = inputs
    self.format = format
    depth = (inputs + 31) & ~31
    panelCount = (outputs + 15) / 16
    held = panels ?? 0..<panelCount
    let layout = format.layout(depth: depth)
    panelStride = layout.codes
    scaleStride = layout.scales
    codes = buffer(held.count * panelStride)
    scales = scaleStride > 0 ? buffer(held.count * scaleStride * 2) : nil
    if case .quantised(_, _, true, _) = format {
      minimums = buffer(held.count * scaleStride * 2)
    } else {
      minimums = nil
    }
  }

  /// Bytes that the packed form takes.
  package var byteCount: Int {
    codes.byteCount + (scales?.byteCount ?? 0) + (minimums?.byteCount ?? 0)
  }

  /// Has the memory of panels given at once, which costs less than page by page.
  package func makeResident(panels: Range<Int>) {
    let count = panels.count
    let first = panels.lowerBound - held.lowerBound
    codes.makeResident(first * panelStride..<(first + count) * panelStride)
    for factors in [scales, minimums] {
      factors?.makeResident(2 * first * scaleStride..<2 * (first + count) * scaleStride)
    }
  }

  /// Stores panel `panel` from sixteen rows of fp32, `rows + r * rowStride` holding `inputs` values.
  package func packFloats(panel: Int, rows: UnsafePointer<Float>, rowStride: Int) {
    let base = codesToWrite(ofPanel: panel)
    switch format {
    case .f32: gpt_pack_f32(rows, rowStride, inputs32, base.assumingMemoryBound(to: Float.self))
    case .f16: gpt_pack_f16(rows, rowStride, inputs32, base.assumingMemoryBound(to: UInt16.self))
    case .bf16: gpt_pack_bf16(rows, rowStride, inputs32, base.assumingMemoryBound(to: UInt16.self))
    case .quantised: preconditionFailure("float rows for a quantised matrix")
    }
  }

  /// Stores panel `panel` from sixteen rows of codes (`depth` bytes each) and of scales and
  /// minimums (`depth / subBlockLength` each; minimums are ignored unless the format is affine),
  /// with the kernels of `context` or else the machine's best.
  package func packCodes(
    panel: Int, codes rows: UnsafePointer<UInt8>, scales rowScales: UnsafePointer<Float>,
    minimums rowMinimums: UnsafePointer<Float>, in context: ComputeContext? = nil
  ) {
    guard case .quantised(let bits, let subBlockLength, _, _) = format,
      let kernels = context?.kernels ?? KernelLevel.best.table
    else { preconditionFailure("codes for a matrix of \(format)") }
    kernels.pointee.pack_codes(
      rows, depth, Int32(bits), Int32(depth / 32),
      codesToWrite(ofPanel: panel).assumingMemoryBound(to: UInt8.self))
    let count = depth / subBlockLength
    if let scales = factors(scales, ofPanel: panel) {
      kernels.pointee.pack_scales(rowScales, count, Int32(count), scales)
    }
    if let minimums = factors(minimums, ofPanel: panel) {
      kernels.pointee.pack_scales(rowMinimums, count, Int32(count), minimums)
    }
  }

  private var inputs32: Int32 { Int32(inputs) }

  var kernelFormat: gpt_quantised_format? {
    guard case .quantised(let bits, let subBlockLength, let affine, let zero) = format else {
      return nil
    }
    return gpt_quantised_format(
      bits: Int32(bits), sub_blocks: Int32(32 / subBlockLength), affine: affine ? 1 : 0,
      zero: Int32(zero))
  }

  var panelType: gpt_panel_type {
    switch format {
    case .f32: GPT_PANEL_F32
    case .f16: GPT_PANEL_F16
    case .bf16: GPT_PANEL_BF16
    case .quantised: preconditionFailure("a quantised matrix has no float panels")
    }
  }

  func codesToWrite(ofPanel panel: Int) -> UnsafeMutableRawPointer {
    codes.base + (panel - held.lowerBound) * panelStride
  }

  func scalesToWrite(ofPanel panel: Int) -> UnsafeMutablePointer<UInt16>? {
    factors(scales, ofPanel: panel)
  }

  private func factors(
    _ buffer: AlignedBuffer?, ofPanel panel: Int
  ) -> UnsafeMutablePointer<UInt16>? {
    buffer.map { $0.pointer(UInt16.self) + (panel - held.lowerBound) * scaleStride }
  }

  func codes(ofPanel panel: Int) -> UnsafePointer<UInt8> {
    UnsafePointer(codesToWrite(ofPanel: panel).assumingMemoryBound(to: UInt8.self))
  }

  func scales(ofPanel panel: Int) -> UnsafePointer<UInt16>? {
    factors(scales, ofPanel: panel).map { UnsafePointer($0) }
  }

  func minimums(ofPanel panel: Int) -> UnsafePointer<UInt16>? {
    factors(minimums, ofPanel: panel).map { UnsafePointer($0) }
  }
}
