/// Steps that the searches of Q4_K and Q6_K share: codes of some numbers, and what their squared
/// error is made of.
///
/// Written in vectors of eight: longer ones are taken apart by the compiler.
struct CodeRange {
  typealias Vector = SIMD8<Float>

  let least: Float
  let greatest: Float

  struct Sums {
    /// Σ q
    var codes: Float
    /// Σ q²
    var squares: Float
    /// Σ q x
    var products: Float
  }

  /// The codes nearest to (x + offset) · inverse, ties to even.
  ///
  /// Adding 1.5 · 2^23 leaves no bits for a fraction; `rounded()` would call the C library for each
  /// number, as x86-64 without SSE4.1 has no such instruction.
  @inline(__always)
  func codes(_ values: Vector, offset: Float, inverse: Float) -> Vector {
    let quotients = (values + offset) * inverse
    let inside = quotients.replacing(with: least, where: quotients .< least)
      .replacing(with: greatest, where: quotients .> greatest)
    return (inside + 12_582_912) - 12_582_912
  }

  /// - Parameter count: of numbers, a multiple of eight.
  @inline(__always)
  func sums(
    _ values: UnsafePointer<Float>, count: Int, offset: Float, inverse: Float
  ) -> Sums {
    var (codeSum, squareSum, productSum) = (Vector.zero, Vector.zero, Vector.zero)
    for index in stride(from: 0, to: count, by: 8) {
      let numbers = load(values + index)
      let codes = codes(numbers, offset: offset, inverse: inverse)
      codeSum += codes
      squareSum += codes * codes
      productSum += codes * numbers
    }
    return Sums(
      codes: total(codeSum), squares: total(squareSum), products: total(productSum))
  }

  /// Σ (scale · q − offset − x)² for the nearest codes.
  @inline(__always)
  func squaredError(
    _ values: UnsafePointer<Float>, count: Int, offset: Float, scale: Float
  ) -> Float {
    let inverse = inverse(of: scale)
    var sum = Vector.zero
    for index in stride(from: 0, to: count, by: 8) {
      let numbers = load(values + index)
      let codes = codes(numbers, offset: offset, inverse: inverse)
      let difference = codes * scale - offset - numbers
      sum += difference * difference
    }
    return total(sum)
  }

  /// The codes as bytes, `bias` added.
  func store(
    _ values: UnsafePointer<Float>, count: Int, offset: Float, scale: Float, bias: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let inverse = inverse(of: scale)
    for index in stride(from: 0, to: count, by: 8) {
      let codes = codes(load(values + index), offset: offset, inverse: inverse) + bias
      for lane in 0..<8 { target[index + lane] = UInt8(codes[lane]) }
    }
  }
}

@inline(__always)
private func load(_ values: UnsafePointer<Float>) -> SIMD8<Float> {
  UnsafeRawPointer(values).loadUnaligned(as: SIMD8<Float>.self)
}

/// The library's `sum()` adds one lane after the other.
@inline(__always)
private func total(_ values: SIMD8<Float>) -> Float {
  let four = values.lowHalf + values.highHalf
  let two = four.lowHalf + four.highHalf
  return two.x + two.y
}

/// `value` as a half stores it.
@inline(__always)
func halfRounded(_ value: Float) -> Float { float(half: half(value)) }

/// The half that lies so many halves further from zero, of the same sign; at least zero, at most
/// the largest.
func neighbour(ofHalf value: Float, steps: Int) -> Float {
  let pattern = Int(half(value))
  let magnitude = max(0, min(0x7bff, pattern & 0x7fff + steps))
  return float(half: UInt16(pattern & 0x8000 | magnitude))
}
