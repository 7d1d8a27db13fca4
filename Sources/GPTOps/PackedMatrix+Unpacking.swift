import CKernels
import GPTTensor

extension PackedMatrix {
  /// Bytes of a block of 32 inputs of a panel.
  private var blockBytes: Int { panelStride / (depth / 32) }

  /// Some blocks of 32 inputs of a panel as fp32: a row of 16 outputs for every input, `stride`
  /// floats apart.
  func widen(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<Float>, stride: Int,
    in context: ComputeContext
  ) {
    let source = bytes(ofPanel: panel) + blocks.lowerBound * blockBytes
    guard var format = kernelFormat else {
      context.kernels.pointee.widen_panel(
        panelType, source, Int32(32 * blocks.count), target, stride)
      return
    }
    context.kernels.pointee.unpack_f32(&format, source, Int32(blocks.count), target, stride)
  }

  /// The same as bf16 pairs `[16 · blocks][16][2]`.
  func narrow(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<UInt16>,
    in context: ComputeContext
  ) {
    let source = bytes(ofPanel: panel) + blocks.lowerBound * blockBytes
    if format == .bf16 {
      UnsafeMutableRawPointer(target).copyMemory(
        from: source, byteCount: blocks.count * blockBytes)
      return
    }
    guard var format = kernelFormat else {
      context.kernels.pointee.narrow_panel(panelType, source, Int32(32 * blocks.count), target)
      return
    }
    context.kernels.pointee.unpack_bf16(&format, source, Int32(blocks.count), target)
  }
}
