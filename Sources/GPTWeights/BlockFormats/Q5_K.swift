package import GPTTensor

/// 256 codes of 5 bits in sub-blocks of 32, each with a scale and a minimum of 6 bits.
///
///     d (f16) · dmin (f16) · s[12] · h[32] · q[128]
///
/// Nibbles and factors as in Q4_K; bit b of h[l] is the fifth bit of element 32b + l.
package enum Q5_K: BlockFormat {
  package static let dtype = DType.q5K
  package static let subBlockLength = 32
  package static let zero = 0
  package static let hasMinimum = true
  package static let codeBits = 5

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    decodeSixBitFactors(block, scales: scales, minimums: minimums)
    storeNibbleRows(block + 48, codes)
    addHighBits(block + 16, codes, value: 16)
  }
}
