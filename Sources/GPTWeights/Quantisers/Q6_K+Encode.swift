extension Q6_K: BlockEncoder {
  /// Searches factors and codes of least squared error; see `SymmetricBlock`.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    withUnsafeTemporaryAllocation(of: SymmetricSubBlock.self, capacity: 16) { parts in
      for index in 0..<16 {
        let numbers = UnsafeRawPointer(values + 16 * index).loadUnaligned(as: SIMD16<Float>.self)
        parts.initializeElement(at: index, to: SymmetricSubBlock(numbers))
      }
      let parts = UnsafeBufferPointer(parts)
      let factors = SymmetricBlock(fitting: parts)
      store(half: factors.scale, block, 208)
      let multiples = SIMD16<Int8>(truncatingIfNeeded: SIMD16<Int32>(factors.multiples))
      (block + 192).storeBytes(of: multiples, as: SIMD16<Int8>.self)
      for chunk in 0..<4 {
        // A half of 128 elements has two chunks of 16 columns in four rows of 32.
        let (part, column) = (chunk >> 1, chunk & 1)
        func codes(_ row: Int) -> SIMD16<UInt8> {
          let index = part * 8 + row * 2 + column
          let codes = factors.codes(index, parts[index]) + 32
          return SIMD16<UInt8>(truncatingIfNeeded: SIMD16<Int32>(codes))
        }
        storeLowBits(codes(0), codes(1), codes(2), codes(3), block + 64 * part + 16 * column)
        let near = codes(0) &>> 4 | (codes(1) & 0x30) &>> 2
        let high = near | codes(2) & 0x30 | (codes(3) & 0x30) &<< 2
        (block + 128 + 32 * part + 16 * column).storeBytes(of: high, as: SIMD16<UInt8>.self)
      }
    }
  }

  /// The lower four bits of four rows of 32 elements.
  private static func storeLowBits(
    _ first: SIMD16<UInt8>, _ second: SIMD16<UInt8>, _ third: SIMD16<UInt8>,
    _ fourth: SIMD16<UInt8>, _ block: UnsafeMutableRawPointer
  ) {
    block.storeBytes(of: first & 0x0f | third &<< 4, as: SIMD16<UInt8>.self)
    block.storeBytes(of: second & 0x0f | fourth &<< 4, toByteOffset: 32, as: SIMD16<UInt8>.self)
  }
}
