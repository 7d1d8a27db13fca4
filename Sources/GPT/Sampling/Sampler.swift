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
    try Self.check(logits)
    var scores = logits
    for (id, value) in bias where scores.indices.contains(Int(id)) { scores[Int(id)] += value }
    penalties.apply(to: &scores, history: history)
    guard let best = Self.largest(scores) else {
      throw .invalidLogits(found: "-inf for every token that may be chosen")
    }
    return options.temperature == 0 ? best : draw(from: scores, best: best)
  }

  private mutating func draw(from scores: [Float], best: Int32) -> Int32 {
    var candidates = Candidates(logits: scores, limit: options.topK)
    for index in candidates.list.indices { candidates.list[index].logit /= options.temperature }
    // A tiny temperature makes every score infinite, and then only the best one is meant.
    guard candidates.list.first?.logit.isFinite ?? false else { return best }
    candidates.keepTopP(options.topP)
    candidates.keepMinP(options.minP)
    candidates.keepTypicalP(options.typicalP)
    return candidates.draw(random.unit()) ?? best
  }

  /// The lowest id among those with the largest score, nil when all are −∞.
  package static func largest(_ scores: [Float]) -> Int32? {
    var best = -Float.infinity
    var id: Int?
    scores.withUnsafeBufferPointer { scores in
      for index in scores.indices where scores[index] > best {
        best = scores[index]
        id = index
      }
    }
    return id.map { Int32($0) }
  }

  private static func check(_ logits: [Float]) throws(LanguageModelError) {
    var bad = false
    logits.withUnsafeBufferPointer { logits in
      for logit in logits { bad = bad || !(logit < .infinity) }
    }
    guard bad else { return }
    let index = logits.firstIndex { !($0 < .infinity) } ?? 0
    throw .invalidLogits(found: "\(logits[index]) for token \(index)")
  }
}

extension Candidates {
  /// The candidate that `point` of [0, 1) falls on when they lie side by side, as wide as they are
  /// probable.
  package func draw(_ point: Double) -> Int32? {
    var sum = 0.0
    for (candidate, probability) in zip(list, probabilities) {
      sum += probability
      if point < sum { return candidate.id }
    }
    return list.last?.id
  }
}
