/// Sub-blocks of 32 numbers as scale × code − minimum, with codes of 0…15.
///
/// The published quantiser tries some ranges and solves for scale and minimum by least squares
/// with weights that favour large numbers; here all numbers weigh the same, so that the squared
/// error is what falls, and the roundings of the factors take part in the search.
struct AffineSubBlock {
  static let length = 32
  static let range = CodeRange(least: 0, greatest: 15)
  /// Ranges that are tried: the codes spread over 14 to 16.4 steps.
  private static let candidates = 25

  let values: UnsafePointer<Float>
  private let sum: Float
  /// The best factors when they need not be multiples of anything; neither is below 0.
  private(set) var scale: Float = 0
  private(set) var minimum: Float = 0

  init(_ values: UnsafePointer<Float>) {
    self.values = values
    var sum: Float = 0
    for index in 0..<Self.length { sum += values[index] }
    self.sum = sum
    var (least, greatest) = bounds(values, count: Self.length)
    least = min(0, least)
    guard greatest > least else {
      minimum = -least
      return
    }
    var best = -Float.infinity
    for index in 0..<Self.candidates {
      let steps = Self.range.greatest - 1 + Float(index) * 0.1
      solve(offset: -least, inverse: inverse(of: (greatest - least) / steps), &best)
    }
    for _ in 0..<2 { solve(offset: minimum, inverse: inverse(of: scale), &best) }
  }

  /// Solves for scale and minimum of the codes of a scale and an offset, and takes them when they
  /// are better.
  ///
  /// - Parameter best: Σ x² less the squared error, which need not be subtracted.
  private mutating func solve(offset: Float, inverse: Float, _ best: inout Float) {
    let sums = Self.range.sums(values, count: Self.length, offset: offset, inverse: inverse)
    let count = Float(Self.length)
    let determinant = count * sums.squares - sums.codes * sums.codes
    var slope = (count * sums.products - sums.codes * sum) / determinant
    var constant = (sum - slope * sums.codes) / count
    // Equal codes leave no line to fit.
    if determinant <= 0 || constant > 0 {
      constant = 0
      slope = sums.products / sums.squares
    }
    guard slope > 0 else { return }
    let explained = slope * sums.products + constant * sum
    guard explained > best else { return }
    best = explained
    scale = slope
    minimum = -constant
  }

  @inline(__always)
  func squaredError(scale: Float, minimum: Float) -> Float {
    Self.range.squaredError(values, count: Self.length, offset: minimum, scale: scale)
  }

  func sums(scale: Float, minimum: Float) -> CodeRange.Sums {
    Self.range.sums(
      values, count: Self.length, offset: minimum, inverse: inverse(of: scale))
  }

  var valueSum: Float { sum }
}

/// Factors of a block of 256 numbers: its sub-blocks' scales and minimums are multiples, 0 to 63,
/// of two halves.
struct AffineBlock {
  static let greatestMultiple: Float = 63

  /// Halves.
  private(set) var scale: Float
  private(set) var minimum: Float
  private var scaleMultiples = SIMD8<Float>(repeating: 0)
  private var minimumMultiples = SIMD8<Float>(repeating: 0)
  private var error: Float = 0

  /// - Parameter parts: the eight sub-blocks.
  init(fitting parts: UnsafeBufferPointer<AffineSubBlock>) {
    let scale = parts.reduce(0) { max($0, $1.scale) }
    let minimum = parts.reduce(0) { max($0, $1.minimum) }
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
    let first = (part.scale * inverse(of: scale)).rounded()
    let second = (part.minimum * inverse(of: minimum)).rounded()
    var best = Float.infinity
    for scaleStep in -1...1 {
      let scaleMultiple = max(0, min(Self.greatestMultiple, first + Float(scaleStep)))
      for minimumStep in -1...1 {
        let minimumMultiple = max(0, min(Self.greatestMultiple, second + Float(minimumStep)))
        let found = part.squaredError(
          scale: scale * scaleMultiple, minimum: minimum * minimumMultiple)
        guard found < best else { continue }
        best = found
        scaleMultiples[index] = scaleMultiple
        minimumMultiples[index] = minimumMultiple
      }
    }
    error += best
  }

  /// What belongs to a sub-block: its scale and minimum, and their multiples as they are stored.
  func factors(
    _ index: Int
  ) -> (scale: Float, minimum: Float, scaleBits: UInt8, minimumBits: UInt8) {
    let (first, second) = (scaleMultiples[index], minimumMultiples[index])
    return (scale * first, minimum * second, UInt8(first), UInt8(second))
  }

  /// The two factors that the multiples and the codes ask for, before they are rounded to halves.
  private func leastSquares(
    _ parts: UnsafeBufferPointer<AffineSubBlock>
  ) -> (scale: Float, minimum: Float) {
    // x ≈ scale · u − minimum · v, with u = multiple · code and v = multiple
    var (uu, uv, vv, xu, xv) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (index, part) in parts.enumerated() {
      let (scale, minimum, _, _) = factors(index)
      let sums = part.sums(scale: scale, minimum: minimum)
      let first = Double(scaleMultiples[index])
      let second = Double(minimumMultiples[index])
      uu += first * first * Double(sums.squares)
      uv += first * second * Double(sums.codes)
      vv += Double(AffineSubBlock.length) * second * second
      xu += first * Double(sums.products)
      xv += second * Double(part.valueSum)
    }
    let determinant = uu * vv - uv * uv
    guard determinant > 0 else { return (uu > 0 ? Float(xu / uu) : scale, minimum) }
    let slope = (xu * vv - xv * uv) / determinant
    let offset = (xu * uv - xv * uu) / determinant
    return offset >= 0 ? (Float(slope), Float(offset)) : (Float(xu / uu), 0)
  }
}
