extension Q4_1: BlockEncoder {
  /// m = least x, d = (greatest − m) / 15; a code is ⌊(x − m) / d + 0.5⌋.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    let (least, greatest) = bounds(values, count: 32)
    let scale = (greatest - least) / 15
    let inverse = inverse(of: scale)
    store(half: scale, block, 0)
    store(half: least, block, 2)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { codes in
      guard let codes = codes.baseAddress else { return }
      for index in 0..<32 {
        codes[index] = truncatedCode((values[index] - least) * inverse + 0.5, limit: 15)
      }
      storeNibblePairs(codes, block, 4)
    }
  }
}
