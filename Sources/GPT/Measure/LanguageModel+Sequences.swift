extension LanguageModel {
  /// Decodes several sequences together, one token of each a pass, greedily and whatever token comes.
  ///
  /// - Parameters:
  ///   - contexts: what comes before, at least one token each; not part of the time
  ///   - generateTokens: tokens of each sequence
  /// - Returns: the tokens of each sequence and the seconds that all of them took
  package func decodeTogether(
    behind contexts: [[Int32]], generateTokens: Int
  ) async throws(LanguageModelError) -> (tokens: [[Int32]], seconds: Double) {
    try await Worker().evaluate { [self] worker throws(LanguageModelError) in
      var states: [any PredictorState] = []
      var next: [Int32] = []
      for context in contexts {
        let state = predictor.makeState()
        next.append(try best(try state.forward(context, logits: true)))
        states.append(state)
      }
      let batch = predictor.makeBatch()
      var tokens = [[Int32]](repeating: [], count: contexts.count)
      let clock = ContinuousClock()
      let start = clock.now
      for _ in 0..<generateTokens {
        if worker.isCancelled { throw .cancelled }
        let parts = zip(states, next).map {
          PredictorPart(state: $0, tokens: [$1], wantsAllLogits: false)
        }
        for (index, row) in try batch.forward(parts).enumerated() {
          next[index] = try best(row)
          tokens[index].append(next[index])
        }
      }
      return (tokens, (clock.now - start).seconds)
    }
  }

  private func best(_ logits: [Float]) throws(LanguageModelError) -> Int32 {
    guard let token = Sampler.largest(logits) else { throw .invalidLogits(found: "no number") }
    return token
  }
}
