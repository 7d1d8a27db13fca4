extension Q4_0: BlockEncoder {
  /// d = x / −8 of the x of largest magnitude; a code is ⌊x / d + 8.5⌋, at most 15.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    let scale = extreme(values, count: 32) / -8
    let inverse = inverse(of: scale)
    store(half: scale, block, 0)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { codes in
      guard let codes = codes.baseAddress else { return }
      for index in 0..<32 {
        codes[index] = truncatedCode(values[index] * inverse + 8.5, limit: 15)
      }
      storeNibblePairs(codes, block, 2)
    }
  }
}
