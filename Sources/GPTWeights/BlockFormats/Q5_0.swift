package import GPTTensor

/// 32 codes of 5 bits around 16 and a scale.
///
///     d (f16) · h[4] · q[16]        nibbles as in Q4_0; bit i of h: fifth bit of element i
package enum Q5_0: BlockFormat {
  package static let dtype = DType.q5_0
  package static let subBlockLength = 32
  package static let zero = 16
  package static let hasMinimum = false
  package static let codeBits = 5

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    scales[0] = half(block, 0)
    minimums[0] = -0.0
    storeFiveBits(high: block + 2, low: bytes16(block, 6), codes)
  }
}

/// The codes of Q5_0 and Q5_1: a nibble each from `low`, a bit each from the four bytes at `high`.
@inline(__always)
func storeFiveBits(
  high: UnsafeRawPointer, low: SIMD16<UInt8>, _ codes: UnsafeMutablePointer<UInt8>
) {
  let bits = high.loadUnaligned(as: SIMD4<UInt8>.self)
  store(low & 0x0f | lanes(bits[0], bits[1], value: 16), codes, 0)
  store(low &>> 4 | lanes(bits[2], bits[3], value: 16), codes, 16)
}
