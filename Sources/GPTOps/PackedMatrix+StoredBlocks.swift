import CKernels
import GPTTensor

extension PackedMatrix {
  /// Stores panel `panel` from sixteen rows of stored blocks, each an fp16 scale and 32 codes of 4 or
  /// 8 bits in the order of the panel: words change places and nothing is decoded.
  ///
  /// - Parameters: rows points to the first block of each; flip changes every word of four bytes of
  ///   codes
  package func packBlocks(
    panel: Int, rows: UnsafePointer<UnsafePointer<UInt8>?>, flip: UInt32,
    in context: ComputeContext
  ) {
    guard case .quantised(let bits, 32, false, _) = format, bits == 4 || bits == 8
    else { preconditionFailure("stored blocks for \(format)") }
    context.kernels.pointee.pack_blocks(
      rows, Int32(bits), flip, Int32(depth / 32),
      start(ofPanel: panel).assumingMemoryBound(to: UInt8.self))
  }
}
