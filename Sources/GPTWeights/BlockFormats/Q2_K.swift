package import GPTTensor

/// 256 codes of 2 bits in sub-blocks of 16, each with a scale and a minimum of 4 bits.
///
///     s[16] · q[64] · d (f16) · dmin (f16)
///
/// Bits 2j and 2j + 1 of q[32n + l] are element 128n + 32j + l. A sub-block's scale is
/// d × (low nibble of s), its minimum −dmin × (high nibble).
package enum Q2_K: BlockFormat {
  package static let dtype = DType.q2K
  package static let subBlockLength = 16
  package static let zero = 0
  package static let hasMinimum = true
  package static let codeBits = 2

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    let (scale, minimum) = (half(block, 80), half(block, 82))
    for index in 0..<16 {
      let packed = block.load(fromByteOffset: index, as: UInt8.self)
      scales[index] = scale * Float(Int32(packed & 0x0f))
      minimums[index] = -(minimum * Float(Int32(packed >> 4)))
    }
    storeTwoBits(block + 16, codes)
  }
}

/// The lower two bits of the codes of Q2_K and Q3_K.
@inline(__always)
func storeTwoBits(_ packed: UnsafeRawPointer, _ codes: UnsafeMutablePointer<UInt8>) {
  for chunk in 0..<4 {
    let source = bytes16(packed, chunk &* 16)
    // Two chunks of 16 bytes make a row of 32 that yields 128 elements.
    let target = codes + ((chunk >> 1) &* 128 &+ (chunk & 1) &* 16)
    store(source & 3, target, 0)
    store(source &>> 2 & 3, target, 32)
    store(source &>> 4 & 3, target, 64)
    store(source &>> 6, target, 96)
  }
}
