package import GPTTensor

/// 32 codes of 5 bits, a scale and a minimum.
///
///     d (f16) · m (f16) · h[4] · q[16]        codes as in Q5_0; element = d × q + m
package enum Q5_1: BlockFormat {
  package static let dtype = DType.q5_1
  package static let subBlockLength = 32
  package static let zero = 0
  package static let hasMinimum = true
  package static let codeBits = 5

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    scales[0] = half(block, 0)
    minimums[0] = half(block, 2)
    storeFiveBits(high: block + 4, low: bytes16(block, 8), codes)
  }
}
