// Vector steps that the searches of Q4_K and Q6_K share.

/// The nearest whole numbers, ties to even, of numbers below 2^22 in magnitude.
///
/// Adding 1.5 · 2^23 leaves no bits for a fraction; `rounded()` would call the C library for each
/// element, as x86-64 without SSE4.1 has no such instruction.
@inline(__always)
func nearest<Vector: SIMD>(_ values: Vector) -> Vector where Vector.Scalar == Float {
  (values + 12_582_912) - 12_582_912
}

@inline(__always)
func clamped<Vector: SIMD>(
  _ values: Vector, _ least: Float, _ greatest: Float
) -> Vector where Vector.Scalar == Float {
  values.replacing(with: least, where: values .< least)
    .replacing(with: greatest, where: values .> greatest)
}

// The library's `sum()` adds one lane after the other.

@inline(__always)
func total(_ values: SIMD16<Float>) -> Float {
  let eight = values.lowHalf + values.highHalf
  let four = eight.lowHalf + eight.highHalf
  let two = four.lowHalf + four.highHalf
  return two.x + two.y
}

@inline(__always)
func total(_ values: SIMD32<Float>) -> Float { total(values.lowHalf + values.highHalf) }

/// `value` as a half stores it.
@inline(__always)
func halfRounded(_ value: Float) -> Float { float(half: half(value)) }
