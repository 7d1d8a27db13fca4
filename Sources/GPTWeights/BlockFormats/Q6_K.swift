package import GPTTensor

/// 256 codes of 6 bits around 32 in sub-blocks of 16, each with a signed scale of 8 bits.
///
///     q[128] · h[64] · s[16] (int8) · d (f16)
///
/// In each half n of 128 elements: the low nibbles of q[64n + l] are elements l < 64, the high
/// ones elements 64 + l; bits 2j and 2j + 1 of h[32n + l] are the upper bits of element 32j + l.
package enum Q6_K: BlockFormat {
  package static let dtype = DType.q6K
  package static let subBlockLength = 16
  package static let zero = 32
  package static let hasMinimum = false
  package static let codeBits = 6

  package static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    let scale = half(block, 208)
    for index in 0..<16 {
      scales[index] = scale * Float(block.load(fromByteOffset: 192 &+ index, as: Int8.self))
      minimums[index] = -0.0
    }
    for chunk in 0..<4 {
      // A half has two chunks of 16 bytes of h and, 32 bytes apart, four of q.
      let (part, column) = (chunk >> 1, (chunk & 1) &* 16)
      let near = bytes16(block, part &* 64 &+ column)
      let far = bytes16(block, part &* 64 &+ column &+ 32)
      let high = bytes16(block, 128 &+ part &* 32 &+ column)
      let target = codes + (part &* 128 &+ column)
      store(near & 0x0f | (high & 3) &<< 4, target, 0)
      store(far & 0x0f | (high &>> 2 & 3) &<< 4, target, 32)
      store(near &>> 4 | (high &>> 4 & 3) &<< 4, target, 64)
      store(far &>> 4 | (high &>> 6) &<< 4, target, 96)
    }
  }
}
