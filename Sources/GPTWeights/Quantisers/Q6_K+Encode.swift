extension Q6_K: BlockEncoder {
  /// Searches factors and codes of least squared error; see `SymmetricBlock`.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    withUnsafeTemporaryAllocation(of: SymmetricSubBlock.self, capacity: 16) { parts in
      for index in 0..<16 {
        parts.initializeElement(
          at: index, to: SymmetricSubBlock(values + SymmetricSubBlock.length * index))
      }
      let parts = UnsafeBufferPointer(parts)
      let factors = SymmetricBlock(fitting: parts)
      store(half: factors.scale, block, 208)
      for index in 0..<16 {
        block.storeBytes(of: factors.factor(index).bits, toByteOffset: 192 + index, as: Int8.self)
      }
      storeCodes(factors, parts, block)
    }
  }

  /// The layout of this format's description, with 32 added to the codes.
  private static func storeCodes(
    _ factors: SymmetricBlock, _ parts: UnsafeBufferPointer<SymmetricSubBlock>,
    _ block: UnsafeMutableRawPointer
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: blockLength) { codes in
      guard let codes = codes.baseAddress else { return }
      for (index, part) in parts.enumerated() {
        SymmetricSubBlock.range.store(
          part.values, count: SymmetricSubBlock.length, offset: 0,
          scale: factors.factor(index).scale, bias: 32,
          into: codes + SymmetricSubBlock.length * index)
      }
      for index in 0..<64 {
        let (part, column) = (index >> 5, index & 31)
        let row = codes + (part &* 128 &+ column)
        let low = part &* 64 &+ column
        block.storeBytes(of: row[0] & 0x0f | row[64] << 4, toByteOffset: low, as: UInt8.self)
        block.storeBytes(
          of: row[32] & 0x0f | row[96] << 4, toByteOffset: low &+ 32, as: UInt8.self)
        let near = row[0] >> 4 | (row[32] & 0x30) >> 2
        let far = row[64] & 0x30 | (row[96] & 0x30) << 2
        block.storeBytes(of: near | far, toByteOffset: 128 &+ index, as: UInt8.self)
      }
    }
  }
}
