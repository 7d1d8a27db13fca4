extension Q4_K: BlockEncoder {
  /// Searches factors and codes of least squared error; see `AffineBlock`.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    withUnsafeTemporaryAllocation(of: AffineSubBlock.self, capacity: 8) { parts in
      for index in 0..<8 {
        parts.initializeElement(
          at: index, to: AffineSubBlock(values + AffineSubBlock.length * index))
      }
      let parts = UnsafeBufferPointer(parts)
      let factors = AffineBlock(fitting: parts)
      store(half: factors.scale, block, 0)
      store(half: factors.minimum, block, 2)
      storeSixBits(factors, block + 4)
      storeCodes(factors, parts, block + 16)
    }
  }

  /// The layout that `decodeSixBitFactors` reads.
  private static func storeSixBits(_ factors: AffineBlock, _ block: UnsafeMutableRawPointer) {
    for index in 0..<4 {
      let (_, _, lowScale, lowMinimum) = factors.factors(index)
      let (_, _, scale, minimum) = factors.factors(index + 4)
      block.storeBytes(of: lowScale | (scale & 0x30) << 2, toByteOffset: index, as: UInt8.self)
      block.storeBytes(
        of: lowMinimum | (minimum & 0x30) << 2, toByteOffset: 4 + index, as: UInt8.self)
      block.storeBytes(
        of: scale & 0x0f | (minimum & 0x0f) << 4, toByteOffset: 8 + index, as: UInt8.self)
    }
  }

  /// Of two sub-blocks, the first in the low nibbles of 32 bytes, the second in the high ones.
  private static func storeCodes(
    _ factors: AffineBlock, _ parts: UnsafeBufferPointer<AffineSubBlock>,
    _ block: UnsafeMutableRawPointer
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: blockLength) { codes in
      guard let codes = codes.baseAddress else { return }
      for (index, part) in parts.enumerated() {
        let (scale, minimum, _, _) = factors.factors(index)
        AffineSubBlock.range.store(
          part.values, count: AffineSubBlock.length, offset: minimum, scale: scale, bias: 0,
          into: codes + AffineSubBlock.length * index)
      }
      for index in 0..<128 {
        let low = codes + (index >> 5 &* 64 &+ index & 31)
        block.storeBytes(of: low[0] | low[32] << 4, toByteOffset: index, as: UInt8.self)
      }
    }
  }
}
