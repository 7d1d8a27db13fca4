/// Sub-blocks of 32 numbers as scale × code − minimum, with codes of 0…15.
///
/// The published quantiser tries some ranges and solves for scale and minimum by least squares
/// with weights that favour large numbers; here all numbers weigh the same, so that the squared
/// error is what falls, and the roundings of the factors take part in the search.
struct AffineSubBlock {
  /// Ranges that are tried: the codes spread over 14 to 16.4 steps.
  private static let candidates = 25
  private static let limit: Float = 15

  let values: SIMD32<Float>
  /// The best factors when they need not be multiples of anything; neither is below 0.
  private(set) var scale: Float = 0
  private(set) var minimum: Float = 0

  init(_ values: SIMD32<Float>) {
    self.values = values
    let least = min(0, values.min())
    let greatest = values.max()
    guard greatest > least else {
      minimum = -least
      return
    }
    var best = -Float.infinity
    for index in 0..<Self.candidates {
      let steps = Self.limit - 1 + Float(index) * 0.1
      let inverse = inverse(of: (greatest - least) / steps)
      let codes = nearest(clamped((values - least) * inverse, 0, Self.limit))
      take(codes, ifBetterThan: &best)
    }
    for _ in 0..<2 {
      take(self.codes(scale: scale, minimum: minimum), ifBetterThan: &best)
    }
  }

  /// Solves for scale and minimum of these codes.
  ///
  /// - Parameter best: Σ x² less the squared error, which the caller need not subtract.
  private mutating func take(_ codes: SIMD32<Float>, ifBetterThan best: inout Float) {
    let sum = total(codes)
    let squares = total(codes * codes)
    let valueSum = total(values)
    let products = total(codes * values)
    let determinant = 32 * squares - sum * sum
    guard determinant > 0 else { return }
    var slope = (32 * products - sum * valueSum) / determinant
    var offset = (valueSum - slope * sum) / 32
    if offset > 0 {
      offset = 0
      slope = products / squares
    }
    guard slope > 0 else { return }
    let explained = slope * products + offset * valueSum
    guard explained > best else { return }
    best = explained
    scale = slope
    minimum = -offset
  }

  /// The codes nearest to the numbers.
  @inline(__always)
  func codes(scale: Float, minimum: Float) -> SIMD32<Float> {
    nearest(clamped((values + minimum) * inverse(of: scale), 0, Self.limit))
  }

  @inline(__always)
  func error(scale: Float, minimum: Float) -> Float {
    let difference = codes(scale: scale, minimum: minimum) * scale - minimum - values
    return total(difference * difference)
  }
}

/// Factors of a block of 256 numbers: its sub-blocks' scales and minimums are multiples, 0 to 63,
/// of two halves.
struct AffineBlock {
  static let greatestMultiple: Float = 63

  private(set) var scale: Float
  private(set) var minimum: Float
  private(set) var scaleMultiples = SIMD8<Float>(repeating: 0)
  private(set) var minimumMultiples = SIMD8<Float>(repeating: 0)
  private var error: Float = 0

  /// - Parameter parts: the eight sub-blocks.
  init(fitting parts: UnsafeBufferPointer<AffineSubBlock>) {
    let (scale, minimum) = parts.reduce((Float(0), Float(0))) {
      (max($0.0, $1.scale), max($0.1, $1.minimum))
    }
    self.init(scale / Self.greatestMultiple, minimum / Self.greatestMultiple, parts)
    for _ in 0..<3 {
      let solved = leastSquares(parts)
      let next = AffineBlock(solved.scale, solved.minimum, parts)
      guard next.error < error else { return }
      self = next
    }
  }

  /// Chooses the multiples for given factors.
  private init(_ scale: Float, _ minimum: Float, _ parts: UnsafeBufferPointer<AffineSubBlock>) {
    self.scale = halfRounded(max(0, scale))
    self.minimum = halfRounded(max(0, minimum))
    for (index, part) in parts.enumerated() { choose(index, part) }
  }

  /// The multiples around the ideal factors with the least error.
  private mutating func choose(_ index: Int, _ part: AffineSubBlock) {
    let first = Self.multiple(of: scale, nearestTo: part.scale)
    let second = Self.multiple(of: minimum, nearestTo: part.minimum)
    var best = Float.infinity
    for scaleStep in -1...1 {
      for minimumStep in -1...1 {
        let multiples = (
          max(0, min(Self.greatestMultiple, first + Float(scaleStep))),
          max(0, min(Self.greatestMultiple, second + Float(minimumStep)))
        )
        let found = part.error(scale: scale * multiples.0, minimum: minimum * multiples.1)
        guard found < best else { continue }
        best = found
        scaleMultiples[index] = multiples.0
        minimumMultiples[index] = multiples.1
      }
    }
    error += best
  }

  private static func multiple(of factor: Float, nearestTo value: Float) -> Float {
    (value * inverse(of: factor)).rounded()
  }

  func codes(_ index: Int, _ part: AffineSubBlock) -> SIMD32<Float> {
    part.codes(
      scale: scale * scaleMultiples[index], minimum: minimum * minimumMultiples[index])
  }

  /// The two factors that the multiples and the codes ask for, before they are rounded to halves.
  private func leastSquares(
    _ parts: UnsafeBufferPointer<AffineSubBlock>
  ) -> (scale: Float, minimum: Float) {
    // x ≈ scale · u − minimum · v, with u = multiple · code and v = multiple
    var (uu, uv, vv, xu, xv) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (index, part) in parts.enumerated() {
      let codes = codes(index, part)
      let first = Double(scaleMultiples[index])
      let second = Double(minimumMultiples[index])
      uu += first * first * Double(total(codes * codes))
      uv += first * second * Double(total(codes))
      vv += 32 * second * second
      xu += first * Double(total(codes * part.values))
      xv += second * Double(total(part.values))
    }
    let determinant = uu * vv - uv * uv
    guard determinant > 0 else { return (uu > 0 ? Float(xu / uu) : scale, minimum) }
    let slope = (xu * vv - xv * uv) / determinant
    let offset = (xu * uv - xv * uu) / determinant
    return offset >= 0 ? (Float(slope), Float(offset)) : (Float(xu / uu), 0)
  }
}
