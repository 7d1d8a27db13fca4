package import GPTTensor

/// 256 codes of 3 bits around 4 in sub-blocks of 16, each with a scale of 6 bits around 32.
///
///     h[32] · q[64] · s[12] · d (f16)
///
/// The lower two bits lie in q as in Q2_K; bit b of h[l] is the third bit of element 32b + l.
/// Sub-block k's scale has its lower four bits in the low nibbles of s[0…7] (k < 8) or the high
/// ones (k ≥ 8), its upper two in s[8 + k mod 4] from bit 2·(k div 4).
package enum Q3_K: BlockFormat {
  package static let dtype = DType.q3K
  package static let subBlockLength = 16
  package static let zero = 4
  package static let hasMinimum = false
  package static let codeBits = 3

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    let scale = half(block, 108)
    for index in 0..<16 {
      let low = block.load(fromByteOffset: 96 &+ (index & 7), as: UInt8.self)
      let high = block.load(fromByteOffset: 104 &+ (index & 3), as: UInt8.self)
      let nibble = low >> (index < 8 ? 0 : 4) & 0x0f
      let upper = high >> UInt8(truncatingIfNeeded: (index >> 2) &* 2) & 3
      scales[index] = scale * Float(Int32(nibble | upper << 4) &- 32)
      minimums[index] = -0.0
    }
    storeTwoBits(block + 32, codes)
    addHighBits(block, codes, value: 4)
  }
}

/// Adds `value` to element 32b + l where bit b of the byte at `high + l` is set.
@inline(__always)
func addHighBits(
  _ high: UnsafeRawPointer, _ codes: UnsafeMutablePointer<UInt8>, value: UInt8
) {
  for chunk in 0..<2 {
    var bits = bytes16(high, chunk &* 16)
    for row in 0..<8 {
      let offset = row &* 32 &+ chunk &* 16
      let low = bytes16(UnsafeRawPointer(codes), offset)
      store(low | (bits & 1) &* value, codes, offset)
      bits = bits &>> 1
    }
  }
}
