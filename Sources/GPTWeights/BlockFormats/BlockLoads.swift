/// Loads at any address, and the bit shuffles that several formats share.

@inline(__always)
func bytes16(_ pointer: UnsafeRawPointer, _ offset: Int) -> SIMD16<UInt8> {
  pointer.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
}

@inline(__always)
func store(_ vector: SIMD16<UInt8>, _ codes: UnsafeMutablePointer<UInt8>, _ offset: Int) {
  UnsafeMutableRawPointer(codes + offset).storeBytes(of: vector, as: SIMD16<UInt8>.self)
}

@inline(__always)
func half(_ pointer: UnsafeRawPointer, _ offset: Int) -> Float {
  float(half: pointer.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
}

/// Lane `i` is `value` where bit `i` of the two bytes is set, else 0.
@inline(__always)
func lanes(_ low: UInt8, _ high: UInt8, value: UInt8) -> SIMD16<UInt8> {
  let bits = SIMD8<UInt8>(1, 2, 4, 8, 16, 32, 64, 128)
  let mask = SIMD16(lowHalf: bits, highHalf: bits)
  let spread = SIMD16(
    lowHalf: SIMD8(repeating: low), highHalf: SIMD8(repeating: high))
  return SIMD16(repeating: 0).replacing(with: value, where: spread & mask .== mask)
}

/// Stores the low nibbles of 16 bytes as elements 0–15 and the high ones as 16–31.
@inline(__always)
func storeNibbles(_ packed: SIMD16<UInt8>, _ codes: UnsafeMutablePointer<UInt8>) {
  store(packed & 0x0f, codes, 0)
  store(packed &>> 4, codes, 16)
}
