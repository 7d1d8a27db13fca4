/// Sub-blocks of 16 numbers as scale × code, with codes of −32…31.
struct SymmetricSubBlock {
  /// Scales that are tried, of either sign: the largest number gets a code around ±32.
  private static let candidates = 20
  private static let least: Float = -32
  private static let greatest: Float = 31

  let values: SIMD16<Float>
  /// The best factor when it need not be a multiple of anything, 0 for zeros.
  private(set) var scale: Float = 0

  init(_ values: SIMD16<Float>) {
    self.values = values
    let (least, greatest) = (values.min(), values.max())
    let extreme = -least > greatest ? least : greatest
    guard extreme != 0 else { return }
    var best: Float = 0
    for index in 0..<Self.candidates {
      let steps = 30.5 + Float(index) * 0.125
      take(codes(scale: extreme / -steps), ifBetterThan: &best)
      take(codes(scale: extreme / steps), ifBetterThan: &best)
    }
    for _ in 0..<2 { take(codes(scale: scale), ifBetterThan: &best) }
  }

  /// Solves for the scale of these codes.
  ///
  /// - Parameter best: Σ x² less the squared error, which the caller need not subtract.
  private mutating func take(_ codes: SIMD16<Float>, ifBetterThan best: inout Float) {
    let squares = total(codes * codes)
    let products = total(codes * values)
    guard squares > 0 else { return }
    let explained = products / squares * products
    guard explained > best else { return }
    best = explained
    scale = products / squares
  }

  /// The codes nearest to the numbers.
  @inline(__always)
  func codes(scale: Float) -> SIMD16<Float> {
    nearest(clamped(values * inverse(of: scale), Self.least, Self.greatest))
  }

  @inline(__always)
  func error(scale: Float) -> Float {
    let difference = codes(scale: scale) * scale - values
    return total(difference * difference)
  }
}

/// Factors of a block of 256 numbers: its sub-blocks' scales are multiples, −128 to 127, of a half.
struct SymmetricBlock {
  private(set) var scale: Float
  private(set) var multiples = SIMD16<Float>(repeating: 0)
  private var error: Float = 0

  /// - Parameter parts: the sixteen sub-blocks.
  init(fitting parts: UnsafeBufferPointer<SymmetricSubBlock>) {
    let extreme = parts.reduce(Float(0)) {
      $1.scale.magnitude > $0.magnitude ? $1.scale : $0
    }
    self.init(extreme / -128, parts)
    for _ in 0..<3 {
      let next = SymmetricBlock(leastSquares(parts), parts)
      guard next.error < error else { return }
      self = next
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
      let found = part.error(scale: scale * multiple)
      guard found < best else { continue }
      best = found
      multiples[index] = multiple
    }
    error += best
  }

  func codes(_ index: Int, _ part: SymmetricSubBlock) -> SIMD16<Float> {
    part.codes(scale: scale * multiples[index])
  }

  /// The factor that the multiples and the codes ask for, before it is rounded to a half.
  private func leastSquares(_ parts: UnsafeBufferPointer<SymmetricSubBlock>) -> Float {
    var (squares, products) = (0.0, 0.0)
    for (index, part) in parts.enumerated() {
      let codes = codes(index, part)
      let multiple = Double(multiples[index])
      squares += multiple * multiple * Double(total(codes * codes))
      products += multiple * Double(total(codes * part.values))
    }
    return squares > 0 ? Float(products / squares) : scale
  }
}
