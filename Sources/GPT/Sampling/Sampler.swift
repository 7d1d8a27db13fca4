/// What the next token is drawn from.
package enum TokenChoice: Sendable {
  /// Always this one.
  case certain(Int32)
  /// Any of these, as probable as they are.
  case among(Candidates)
}

/// Chooses the next token from the model's logits.
///
/// Order: bias, penalties, temperature, top-k, top-p, min-p, typical-p, then one draw.
package struct Sampler: Sendable {
  private let options: GenerationOptions
  private let penalties: Penalties
  private let bias: [(id: Int32, value: Float)]
  private var random: RandomNumbers

  /// - Parameter forbidden: tokens that are never chosen.
  package init(options: GenerationOptions, forbidden: [Int32] = [], seed: UInt64) {
    self.options = options
    penalties = Penalties(options)
    bias =
      options.logitBias.map { (id: $0.key, value: $0.value) }
      + forbidden.map { (id: $0, value: -Float.infinity) }
    random = RandomNumbers(seed: seed)
  }

  /// - Parameters:
  ///   - logits: `[V]`, the model's scores
  ///   - history: all tokens before the new one, prompt included
  package mutating func next(_ logits: [Float], history: [Int32]) throws(LanguageModelError)
    -> Int32
  {
    draw(from: try choice(logits, history: history))
  }

  /// What `next` draws from.
  package func choice(
    _ logits: [Float], history: [Int32]
  ) throws(LanguageModelError) -> TokenChoice {
    try Self.check(logits)
    var scores = logits
    for (id, value) in bias where scores.indices.contains(Int(id)) { scores[Int(id)] += value }
    penalties.apply(to: &scores, history: history)
    guard let best = Self.largest(scores) else {
      throw .invalidLogits(found: "-inf for every token that may be chosen")
    }
    return options.temperature == 0 ? .certain(best) : candidates(of: scores, best: best)
  }

  /// One draw.
  package mutating func draw(from choice: TokenChoice) -> Int32 {
    switch choice {
    case .certain(let id): id
    case .among(let candidates): candidates.draw(random.unit())
    }
  }

  /// A random number of [0, 1), the next one of the sampler's sequence.
  package mutating func unit() -> Double { random.unit() }

  private func candidates(of scores: [Float], best: Int32) -> TokenChoice {
    var candidates = Candidates(logits: scores, limit: options.topK)
    for index in candidates.list.indices { candidates.list[index].logit /= options.temperature }
    // A tiny temperature makes every score infinite, and then only the best one is meant.
    guard candidates.list.first?.logit.isFinite ?? false else { return .certain(best) }
    candidates.keepTopP(options.topP)
    candidates.keepMinP(options.minP)
    candidates.keepTypicalP(options.typicalP)
    return .among(candidates)
  }

  /// The lowest id among those with the largest score, nil when all are −∞.
  package static func largest(_ scores: [Float]) -> Int32? {
    scores.withUnsafeBufferPointer { scores in
      var lanes = SIMD16(repeating: -Float.infinity)
      var rest = -Float.infinity
      scores.forEachVector(
        { lanes.replace(with: $0, where: $0 .> lanes) }, { rest = max(rest, $0) })
      let best = max(lanes.max(), rest)
      guard best > -.infinity else { return nil }
      return scores.firstIndex(of: best).map { Int32($0) }
    }
  }

  private static func check(_ logits: [Float]) throws(LanguageModelError) {
    let good = logits.withUnsafeBufferPointer { logits in
      var good = SIMDMask<SIMD16<Int32>>(repeating: true)
      var rest = true
      logits.forEachVector({ good .&= $0 .< .infinity }, { rest = rest && $0 < .infinity })
      return rest && all(good)
    }
    if good { return }
    let index = logits.firstIndex { !($0 < .infinity) } ?? 0
    throw .invalidLogits(found: "\(logits[index]) for token \(index)")
  }
}

extension UnsafeBufferPointer<Float> {
  /// Sixteen elements at a time, then those that are left: a vocabulary is read for every token.
  @inline(__always)
  fileprivate func forEachVector(
    _ vector: (SIMD16<Float>) -> Void, _ element: (Float) -> Void
  ) {
    guard let base = baseAddress else { return }
    let whole = count & ~15
    for index in stride(from: 0, to: whole, by: 16) {
      vector(UnsafeRawPointer(base + index).loadUnaligned(as: SIMD16<Float>.self))
    }
    for index in whole..<count { element(self[index]) }
  }
}

extension Candidates {
  /// The candidate that `point` of [0, 1) falls on when they lie side by side, as wide as they are
  /// probable.
  package func draw(_ point: Double) -> Int32 { draw(point, widths: probabilities) }

  /// The candidate that `point` falls on when they lie side by side, each as wide as `widths` says.
  func draw(_ point: Double, widths: [Double]) -> Int32 {
    var sum = 0.0
    var last: Int32 = 0
    for (candidate, width) in zip(list, widths) where width > 0 {
      sum += width
      last = candidate.id
      if point < sum { break }
    }
    return last
  }
}
