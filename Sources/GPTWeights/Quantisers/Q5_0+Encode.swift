extension Q5_0: BlockEncoder {
  /// d = x / −16 of the x of largest magnitude; a code is ⌊x / d + 16.5⌋, at most 31.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    let scale = extreme(values, count: 32) / -16
    let inverse = inverse(of: scale)
    store(half: scale, block, 0)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { codes in
      guard let codes = codes.baseAddress else { return }
      for index in 0..<32 {
        codes[index] = truncatedCode(values[index] * inverse + 16.5, limit: 31)
      }
      storeFifthBits(codes, block, 2)
      storeNibblePairs(codes, block, 6)
    }
  }
}
