package import GPTTensor

/// 256 codes of 4 bits in sub-blocks of 32, each with a scale and a minimum of 6 bits.
///
///     d (f16) · dmin (f16) · s[12] · q[128]
///
/// Low nibbles of q[32c + l] are element 64c + l, high nibbles element 64c + 32 + l. A sub-block's
/// scale is d × (its 6 bits), its minimum −dmin × (its 6 bits).
package enum Q4_K: BlockFormat {
  package static let dtype = DType.q4K
  package static let subBlockLength = 32
  package static let zero = 0
  package static let hasMinimum = true
  package static let codeBits = 4

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    decodeSixBitFactors(block, scales: scales, minimums: minimums)
    storeNibbleRows(block + 16, codes)
  }
}

/// The sub-block factors of Q4_K and Q5_K, at the start of a block: d, dmin and s[12].
///
/// For k < 4 the scale is the lower six bits of s[k] and the minimum those of s[k + 4]. For k ≥ 4
/// the lower four bits are the nibbles of s[k + 4], scale first, and the upper two are the upper
/// two of s[k − 4] and s[k].
@inline(__always)
func decodeSixBitFactors(
  _ block: UnsafeRawPointer, scales: UnsafeMutablePointer<Float>,
  minimums: UnsafeMutablePointer<Float>
) {
  let (scale, minimum) = (half(block, 0), half(block, 2))
  for index in 0..<4 {
    let first = block.load(fromByteOffset: 4 &+ index, as: UInt8.self)
    let second = block.load(fromByteOffset: 8 &+ index, as: UInt8.self)
    let third = block.load(fromByteOffset: 12 &+ index, as: UInt8.self)
    scales[index] = scale * Float(Int32(first & 0x3f))
    minimums[index] = -(minimum * Float(Int32(second & 0x3f)))
    scales[index &+ 4] = scale * Float(Int32(third & 0x0f | (first >> 6) << 4))
    minimums[index &+ 4] = -(minimum * Float(Int32(third >> 4 | (second >> 6) << 4)))
  }
}

/// The lower four bits of the codes of Q4_K and Q5_K.
@inline(__always)
func storeNibbleRows(_ packed: UnsafeRawPointer, _ codes: UnsafeMutablePointer<UInt8>) {
  for chunk in 0..<8 {
    let source = bytes16(packed, chunk &* 16)
    let target = codes + ((chunk >> 1) &* 64 &+ (chunk & 1) &* 16)
    store(source & 0x0f, target, 0)
    store(source &>> 4, target, 32)
  }
}
