import Glibc

/// A token that may be chosen, with its score.
package struct Candidate: Equatable, Sendable {
  package var id: Int32
  package var logit: Float

  /// Best first; equal scores in the order of their ids, so that every cut is deterministic.
  package static func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
    left.logit != right.logit ? left.logit > right.logit : left.id < right.id
  }
}

/// The tokens that may be chosen, best first.
///
/// Every transform removes candidates; none adds any, and none leaves the list empty.
package struct Candidates: Sendable {
  package var list: [Candidate]

  /// The `limit` best of `logits` (all for 0) that are not −∞.
  package init(logits: [Float], limit: Int = 0) {
    if limit > 0, limit < logits.count {
      list = Self.best(limit, of: logits)
    } else {
      list = logits.indices.compactMap { index in
        logits[index] == -.infinity ? nil : Candidate(id: Int32(index), logit: logits[index])
      }
      list.sort(by: Candidate.precedes)
    }
  }

  /// Probabilities of the candidates among themselves, in float64.
  package var probabilities: [Double] {
    guard let largest = list.first?.logit else { return [] }
    var weights = list.map { exp(Double($0.logit) - Double(largest)) }
    let sum = weights.reduce(0, +)
    for index in weights.indices { weights[index] /= sum }
    return weights
  }

  /// Keeps the first `count`, at least one.
  package mutating func keep(first count: Int) {
    list.removeSubrange(min(list.count, max(1, count))...)
  }

  /// A bounded buffer that is cut back to the best whenever it is full: linear in the vocabulary.
  private static func best(_ limit: Int, of logits: [Float]) -> [Candidate] {
    let capacity = max(2 * limit, 64)
    var buffer: [Candidate] = []
    buffer.reserveCapacity(capacity)
    var threshold = -Float.infinity
    for (index, logit) in logits.enumerated() where logit > threshold {
      buffer.append(Candidate(id: Int32(index), logit: logit))
      if buffer.count == capacity {
        buffer.sort(by: Candidate.precedes)
        buffer.removeSubrange(limit...)
        // Later candidates with this very score have higher ids, so they do not displace it.
        threshold = buffer[limit - 1].logit
      }
    }
    buffer.sort(by: Candidate.precedes)
    if buffer.count > limit { buffer.removeSubrange(limit...) }
    return buffer
  }
}
