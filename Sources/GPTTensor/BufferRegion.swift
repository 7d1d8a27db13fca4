/// Memory for buffers that are made one after the other and kept, side by side in few large pieces,
/// so that the kernel can give it in large pages.
///
/// A piece is freed with the last of its buffers. One thread at a time asks for buffers.
package final class BufferRegion {
  private let pieceBytes: Int
  private var piece: AlignedBuffer?
  private var used = 0

  /// - Parameter pieceBytes: about what will be wanted in all; what is not used never becomes
  ///   resident
  package init(pieceBytes: Int) { self.pieceBytes = max(pieceBytes, 1) }

  /// A buffer of zeros.
  package func buffer(byteCount: Int) -> AlignedBuffer {
    let padded = (max(byteCount, 1) + 63) & ~63
    if piece.map({ padded > $0.byteCount - used }) ?? true {
      piece = AlignedBuffer(mapping: max(padded, pieceBytes))
      used = 0
    }
    guard let piece else { return AlignedBuffer(byteCount: byteCount) }
    defer { used += padded }
    return AlignedBuffer(of: piece, at: used, byteCount: byteCount)
  }
}
