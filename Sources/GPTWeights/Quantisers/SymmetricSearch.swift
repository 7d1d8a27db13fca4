/// Sub-blocks of 16 numbers as scale × code, with codes of −32…31.
struct SymmetricSubBlock {
  static let length = 16
  static let range = CodeRange(least: -32, greatest: 31)
  /// Scales that are tried, of either sign: the largest number gets a code around ±32.
  private static let candidates = 20

  let values: UnsafePointer<Float>
  /// The best factor when it need not be a multiple of anything, 0 for zeros.
  private(set) var scale: Float = 0

  init(_ values: UnsafePointer<Float>) {
    self.values = values
    let extreme = extreme(values, count: Self.length)
    var best: Float = 0
    for index in 0..<Self.candidates {
      let steps = 30.5 + Float(index) * 0.125
      solve(extreme / -steps, &best)
      solve(extreme / steps, &best)
    }
    for _ in 0..<2 { solve(scale, &best) }
  }

  /// Solves for the scale of the codes of a scale, and takes it when it is better.
  ///
  /// - Parameter best: Σ x² less the squared error, which need not be subtracted.
  private mutating func solve(_ candidate: Float, _ best: inout Float) {
    let sums = sums(scale: candidate)
    guard sums.squares > 0 else { return }
    let explained = sums.products / sums.squares * sums.products
    guard explained > best else { return }
    best = explained
    scale = sums.products / sums.squares
  }

  @inline(__always)
  func sums(scale: Float) -> CodeRange.Sums {
    Self.range.sums(values, count: Self.length, offset: 0, inverse: inverse(of: scale))
  }

  @inline(__always)
  func squaredError(scale: Float) -> Float {
    Self.range.squaredError(values, count: Self.length, offset: 0, scale: scale)
  }
}

/// Factors of a block of 256 numbers: its sub-blocks' scales are multiples, −128 to 127, of a half.
struct SymmetricBlock {
  /// A half.
  private(set) var scale: Float
  private var multiples = SIMD16<Float>(repeating: 0)
  private var error: Float = 0

  /// - Parameter parts: the sixteen sub-blocks.
  init(fitting parts: UnsafeBufferPointer<SymmetricSubBlock>) {
    let extreme = parts.reduce(Float(0)) {
      $1.scale.magnitude > $0.magnitude ? $1.scale : $0
    }
    self.init(extreme / -128, parts)
    for _ in 0..<3 {
      let next = SymmetricBlock(leastSquares(parts), parts)
      guard next.error < error else { break }
      self = next
    }
    // Where few numbers are not zero, or a half has few bits, one nearby may be better.
    let middle = scale
    for steps in [-2, -1, 1, 2] {
      let next = SymmetricBlock(neighbour(ofHalf: middle, steps: steps), parts)
      if next.error < error { self = next }
    }
  }

  /// Chooses the multiples for a given factor.
  private init(_ scale: Float, _ parts: UnsafeBufferPointer<SymmetricSubBlock>) {
    self.scale = halfRounded(scale)
    for (index, part) in parts.enumerated() { choose(index, part) }
  }

  private mutating func choose(_ index: Int, _ part: SymmetricSubBlock) {
    let middle = (part.scale * inverse(of: scale)).rounded()
    var best = Float.infinity
    for step in -2...2 {
      let multiple = max(-128, min(127, middle + Float(step)))
      let found = part.squaredError(scale: scale * multiple)
      guard found < best else { continue }
      best = found
      multiples[index] = multiple
    }
    error += best
  }

  /// What belongs to a sub-block: its scale, and the multiple as it is stored.
  func factor(_ index: Int) -> (scale: Float, bits: Int8) {
    (scale * multiples[index], Int8(multiples[index]))
  }

  /// The factor that the multiples and the codes ask for, before it is rounded to a half.
  private func leastSquares(_ parts: UnsafeBufferPointer<SymmetricSubBlock>) -> Float {
    var (squares, products) = (0.0, 0.0)
    for (index, part) in parts.enumerated() {
      let sums = part.sums(scale: factor(index).scale)
      let multiple = Double(multiples[index])
      squares += multiple * multiple * Double(sums.squares)
      products += multiple * Double(sums.products)
    }
    return squares > 0 ? Float(products / squares) : scale
  }
}
