extension LanguageModel {
  /// The scores of continuations: for each request those of its continuations, in order.
  ///
  /// What the contexts have in common at their start is computed once, a context once for all its
  /// continuations, and several requests go through the model together. A context that does not
  /// fit together with a continuation loses tokens at its start.
  ///
  /// - Parameter progress: told how many requests are done, on a thread of the model
  /// - Throws: `LanguageModelError.emptyPrompt` for a context or a continuation without tokens,
  ///   `LanguageModelError.promptTooLong` for a continuation beyond the model's context
  public func scores(
    of requests: [ContinuationRequest],
    progress: @escaping @Sendable (_ done: Int) -> Void = { _ in }
  ) async throws(LanguageModelError) -> [[ContinuationScore]] {
    try await Worker().evaluate { [self] worker throws(LanguageModelError) in
      for request in requests {
        for tokens in [request.context] + request.continuations {
          guard !tokens.isEmpty else { throw .emptyPrompt }
          try check(tokens, below: predictor.vocabularySize)
        }
      }
      let scorer = ContinuationScorer(predictor, isCancelled: { worker.isCancelled })
      return try scorer.scores(of: requests, progress: progress)
    }
  }
}
