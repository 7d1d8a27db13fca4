extension Q8_0: BlockEncoder {
  /// d = max |x| / 127; a code is x / d rounded, halves away from zero.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    let scale = extreme(values, count: 32).magnitude / 127
    let inverse = inverse(of: scale)
    store(half: scale, block, 0)
    for index in 0..<32 {
      let quotient = max(-128, min(127, values[index] * inverse))
      let code = Int8(truncatingIfNeeded: Int32(quotient.rounded(.toNearestOrAwayFromZero)))
      block.storeBytes(of: code, toByteOffset: 2 &+ index, as: Int8.self)
    }
  }
}
