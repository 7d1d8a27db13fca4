extension Q4_K: BlockEncoder {
  /// Searches factors and codes of least squared error; see `AffineBlock`.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    withUnsafeTemporaryAllocation(of: AffineSubBlock.self, capacity: 8) { parts in
      for index in 0..<8 {
        let numbers = UnsafeRawPointer(values + 32 * index).loadUnaligned(as: SIMD32<Float>.self)
        parts.initializeElement(at: index, to: AffineSubBlock(numbers))
      }
      let parts = UnsafeBufferPointer(parts)
      let factors = AffineBlock(fitting: parts)
      store(half: factors.scale, block, 0)
      store(half: factors.minimum, block, 2)
      storeSixBits(factors, block + 4)
      for pair in 0..<4 {
        let low = factors.codes(2 * pair, parts[2 * pair])
        let high = factors.codes(2 * pair + 1, parts[2 * pair + 1])
        let bytes = SIMD32<UInt8>(truncatingIfNeeded: SIMD32<Int32>(low + 16 * high))
        (block + 16 + 32 * pair).storeBytes(of: bytes, as: SIMD32<UInt8>.self)
      }
    }
  }

  /// The layout that `decodeSixBitFactors` reads.
  private static func storeSixBits(_ factors: AffineBlock, _ block: UnsafeMutableRawPointer) {
    let scales = SIMD8<UInt8>(truncatingIfNeeded: SIMD8<Int32>(factors.scaleMultiples))
    let minimums = SIMD8<UInt8>(truncatingIfNeeded: SIMD8<Int32>(factors.minimumMultiples))
    for index in 0..<4 {
      let (scale, minimum) = (scales[index + 4], minimums[index + 4])
      block.storeBytes(of: scales[index] | (scale & 0x30) << 2, toByteOffset: index, as: UInt8.self)
      block.storeBytes(
        of: minimums[index] | (minimum & 0x30) << 2, toByteOffset: 4 + index, as: UInt8.self)
      block.storeBytes(
        of: scale & 0x0f | (minimum & 0x0f) << 4, toByteOffset: 8 + index, as: UInt8.self)
    }
  }
}
