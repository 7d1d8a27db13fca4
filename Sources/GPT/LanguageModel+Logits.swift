extension LanguageModel {
  /// Rows of logits that are held at once: 50 MB for a vocabulary of 100,000.
  static let evaluationChunkLength = 128

  /// The logits at every token of `tokens`: `[T, V]`, row after row.
  public func logits(for tokens: [Int32]) async throws(LanguageModelError) -> [Float] {
    try await Worker().evaluate { [self] worker throws(LanguageModelError) in
      var rows: [Float] = []
      rows.reserveCapacity(tokens.count * predictor.vocabularySize)
      try forEachChunk(of: tokens, worker) { chunk throws(LanguageModelError) in rows += chunk }
      return rows
    }
  }

  /// Hands the logits of `tokens` to `receive`, some whole rows at a time, on a thread of the
  /// model.
  ///
  /// - Parameter chunkLength: how many tokens are computed at once
  public func logits(
    for tokens: [Int32], chunkLength: Int = 128,
    receive: @escaping @Sendable ([Float]) -> Void
  ) async throws(LanguageModelError) {
    guard chunkLength > 0 else {
      throw .invalidOption(name: "chunkLength", found: "\(chunkLength)", expected: "at least 1")
    }
    try await Worker().evaluate { [self] worker throws(LanguageModelError) in
      try forEachChunk(of: tokens, length: chunkLength, worker) {
        chunk throws(LanguageModelError) in receive(chunk)
      }
    }
  }

  private func forEachChunk(
    of tokens: [Int32], length: Int = evaluationChunkLength, _ worker: Worker,
    _ body: ([Float]) throws(LanguageModelError) -> Void
  ) throws(LanguageModelError) {
    guard !tokens.isEmpty else { throw .emptyPrompt }
    guard tokens.count <= predictor.contextLength else {
      throw .promptTooLong(tokenCount: tokens.count, contextLength: predictor.contextLength)
    }
    try check(tokens, below: predictor.vocabularySize)
    let state = predictor.makeState()
    for start in stride(from: 0, to: tokens.count, by: length) {
      if worker.isCancelled { throw .cancelled }
      try body(state.forwardAll(Array(tokens[start..<min(start + length, tokens.count)])))
    }
  }
}
