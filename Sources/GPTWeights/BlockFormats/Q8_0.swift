package import GPTTensor

/// 32 signed bytes and a scale.
///
///     d (f16) · q[32] (int8)        element i = d × q[i]
package enum Q8_0: BlockFormat {
  package static let dtype = DType.q8_0
  package static let subBlockLength = 32
  /// Codes are the signed bytes moved up by 128, so that they are unsigned as everywhere.
  package static let zero = 128
  package static let hasMinimum = false
  package static let codeBits = 8

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    scales[0] = half(block, 0)
    minimums[0] = -0.0
    store(bytes16(block, 2) ^ 0x80, codes, 0)
    store(bytes16(block, 18) ^ 0x80, codes, 16)
  }
}
