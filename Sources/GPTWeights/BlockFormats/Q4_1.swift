package import GPTTensor

/// 32 codes of 4 bits, a scale and a minimum.
///
///     d (f16) · m (f16) · q[16]        nibbles as in Q4_0; element = d × q + m
package enum Q4_1: BlockFormat {
  package static let dtype = DType.q4_1
  package static let subBlockLength = 32
  package static let zero = 0
  package static let hasMinimum = true
  package static let codeBits = 4

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    scales[0] = half(block, 0)
    minimums[0] = half(block, 2)
    storeNibbles(bytes16(block, 4), codes)
  }
}
