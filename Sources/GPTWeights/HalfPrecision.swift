/// The value of an IEEE 754 binary16 pattern.
///
/// The fields are moved to their fp32 places and the exponent re-biased. Branch-free, so loops
/// vectorise; without F16C a `Float(Float16)` is a library call. Subnormals come from a
/// subtraction of normal numbers, so that a thread that flushes subnormals gets them right too.
@inline(__always)
func float(half bits: UInt16) -> Float {
  let magnitude = UInt32(bits & 0x7fff) << 13
  let exponent = magnitude & 0x0f80_0000
  let bias: UInt32 = (127 - 15) << 23
  let normal = magnitude &+ bias
  let special = normal &+ bias
  let subnormal = Float(bitPattern: magnitude &+ (bias &+ 1 << 23)) - 0x1p-14
  let finite = exponent == 0 ? subnormal.bitPattern : normal
  let result = exponent == 0x0f80_0000 ? special : finite
  return Float(bitPattern: result | UInt32(bits & 0x8000) << 16)
}

/// The value of a bfloat16 pattern: the upper half of an fp32.
@inline(__always)
func float(brain bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// The binary16 pattern nearest to `value`, ties to even.
@inline(__always)
func half(_ value: Float) -> UInt16 { Float16(value).bitPattern }

/// The bfloat16 pattern nearest to `value`, ties to even; NaN stays NaN.
@inline(__always)
func brain(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  // Adding to a NaN's pattern could carry it to infinity or to another sign.
  guard !value.isNaN else { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
  return UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
}
