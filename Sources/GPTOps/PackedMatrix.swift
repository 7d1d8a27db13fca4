import CKernels
package import GPTTensor

/// How a packed matrix keeps its elements.
package enum PanelFormat: Sendable, Equatable {
  case f32, f16, bf16
  /// Codes of `bits` (4, 5, 6 or 8), a scale per `subBlockLength` (16 or 32) inputs:
  /// value = scale · (code − zero) + minimum.
  case quantised(bits: Int, subBlockLength: Int, affine: Bool, zero: Int)

  /// Of codes; nil for floats.
  fileprivate var kernelFormat: gpt_quantised_format? {
    guard case .quantised(let bits, let subBlockLength, let affine, let zero) = self else {
      return nil
    }
    return gpt_quantised_format(
      bits: Int32(bits), sub_blocks: Int32(32 / subBlockLength), affine: affine ? 1 : 0,
      zero: Int32(zero))
  }

  /// Bytes of one panel of 16 outputs by `depth` inputs (a multiple of 32), scales included.
  fileprivate func panelBytes(depth: Int) -> Int {
    kernelFormat.map { depth / 32 * gpt_quantised_block_bytes($0) }
      ?? depth * (self == .f32 ? 64 : 32)
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
  private let memory: AlignedBuffer
  /// Of codes; nil for floats.
  let kernelFormat: gpt_quantised_format?
  /// Bytes from panel to panel.
  let panelStride: Int

  /// - Parameters:
  ///   - panels: those that there is to be room for; nil: all
  ///   - region: where it lies; nil: in memory of its own
  package init(
    outputs: Int, inputs: Int, format: PanelFormat, panels: Range<Int>? = nil,
    in region: BufferRegion? = nil
  ) {
    precondition(outputs > 0 && inputs > 0, "matrix [\(outputs), \(inputs)]")
    self.outputs = outputs
    self.inputs = inputs
    self.format = format
    depth = (inputs + 31) & ~31
    panelCount = (outputs + 15) / 16
    held = panels ?? 0..<panelCount
    kernelFormat = format.kernelFormat
    panelStride = format.panelBytes(depth: depth)
    let bytes = held.count * panelStride
    memory = region?.buffer(byteCount: bytes) ?? AlignedBuffer(byteCount: bytes)
  }

  /// Bytes that the packed form takes.
  package var byteCount: Int { memory.byteCount }

  /// Has the memory of panels given at once, which costs less than page by page.
  package func makeResident(panels: Range<Int>) {
    let count = panels.count
    let first = panels.lowerBound - held.lowerBound
    memory.makeResident(first * panelStride..<(first + count) * panelStride)
  }

  /// Stores panel `panel` from sixteen rows of fp32, `rows + r * rowStride` holding `inputs` values.
  package func packFloats(panel: Int, rows: UnsafePointer<Float>, rowStride: Int) {
    let base = start(ofPanel: panel)
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
    guard var codes = kernelFormat, let kernels = context?.kernels ?? KernelLevel.best.table
    else { preconditionFailure("codes for a matrix of \(format)") }
    let blocks = depth / 32
    kernels.pointee.pack_panel(
      &codes, rows, depth, rowScales, rowMinimums, blocks * Int(codes.sub_blocks), Int32(blocks),
      start(ofPanel: panel).assumingMemoryBound(to: UInt8.self))
  }

  private var inputs32: Int32 { Int32(inputs) }

  var panelType: gpt_panel_type {
    switch format {
    case .f32: GPT_PANEL_F32
    case .f16: GPT_PANEL_F16
    case .bf16: GPT_PANEL_BF16
    case .quantised: preconditionFailure("a quantised matrix has no float panels")
    }
  }

  /// Where a panel begins.
  func start(ofPanel panel: Int) -> UnsafeMutableRawPointer {
    memory.base + (panel - held.lowerBound) * panelStride
  }

  func bytes(ofPanel panel: Int) -> UnsafePointer<UInt8> {
    UnsafePointer(start(ofPanel: panel).assumingMemoryBound(to: UInt8.self))
  }
}
