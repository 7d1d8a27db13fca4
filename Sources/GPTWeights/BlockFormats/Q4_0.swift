package import GPTTensor

/// 32 codes of 4 bits around 8 and a scale.
///
///     d (f16) · q[16]        low nibble of q[i]: element i; high nibble: element i + 16
package enum Q4_0: BlockFormat {
  package static let dtype = DType.q4_0
  package static let subBlockLength = 32
  package static let zero = 8
  package static let hasMinimum = false
  package static let codeBits = 4

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    scales[0] = half(block, 0)
    minimums[0] = -0.0
    storeNibbles(bytes16(block, 2), codes)
  }
}
