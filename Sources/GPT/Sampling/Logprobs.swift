import Glibc

/// Logarithms of probabilities, from logits.
///
///     logprob[i] = x[i] − log Σ exp(x[j])
package struct Logprobs {
  private let logits: [Float]
  private let normaliser: Double

  package init(logits: [Float]) {
    self.logits = logits
    normaliser = Self.logSumExp(logits[...])
  }

  package subscript(id: Int32) -> Float { Float(Double(logits[Int(id)]) - normaliser) }

  /// The `count` most probable tokens, best first.
  package func top(_ count: Int) -> [GeneratedToken.Candidate] {
    guard count > 0 else { return [] }
    return Candidates(logits: logits, limit: count).list.map {
      GeneratedToken.Candidate(id: $0.id, logprob: Float(Double($0.logit) - normaliser))
    }
  }

  /// Natural logarithm of a token's probability, and whether the token is the most probable one
  /// (the lowest id among equals).
  package struct TokenScore: Equatable {
    package let logprob: Double
    package let isGreedy: Bool
  }

  /// The score of token `id` under one row of logits.
  ///
  /// - Throws: `LanguageModelError.invalidLogits` when the row has no probabilities
  package static func score(
    of id: Int32, in row: ArraySlice<Float>
  ) throws(LanguageModelError) -> TokenScore {
    let place = row.startIndex + Int(id)
    let logit = row[place]
    let logprob = Double(logit) - logSumExp(row)
    guard logprob.isFinite else { throw .invalidLogits(found: "\(logprob)") }
    let isGreedy =
      row[..<place].allSatisfy { $0 < logit } && row[place...].allSatisfy { $0 <= logit }
    return TokenScore(logprob: logprob, isGreedy: isGreedy)
  }

  package static func logSumExp(_ row: ArraySlice<Float>) -> Double {
    row.withUnsafeBufferPointer { row in
      var largest = -Float.infinity
      for logit in row { largest = max(largest, logit) }
      guard largest.isFinite else { return Double(largest) }
      var sum = 0.0
      for logit in row { sum += Double(expf(logit - largest)) }
      return Double(largest) + log(sum)
    }
  }
}
