internal import GPTTokenizer

extension LanguageModel {
  /// The model's perplexity on `text`.
  ///
  /// - Parameter progress: told how many tokens of how many are done, on a thread of the model
  /// - Throws: `LanguageModelError.textTooShort`, `LanguageModelError.invalidOption`
  public func perplexity(
    of text: String, options: PerplexityOptions = PerplexityOptions(),
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) async throws(LanguageModelError) -> Perplexity {
    try await Worker().evaluate { [self] worker throws(LanguageModelError) in
      let tokens = try encode(text)
      let windows = try options.windows(
        over: tokens.count, contextLength: predictor.contextLength)
      let total = windows.reduce(0) { $0 + $1.tokens.count }
      var logprobs: [Float] = []
      var done = 0
      for window in windows {
        logprobs += try self.logprobs(
          of: window, in: tokens, chunkLength: options.chunkLength ?? .max, worker)
        done += window.tokens.count
        progress(done, total)
      }
      let predicted = windows.lazy.flatMap(\.predicted).map { tokens[$0] }
      return Perplexity(
        tokens: tokens,
        windows: windows.map { Perplexity.Window(predicted: $0.predicted, weight: $0.weight) },
        tokenLogprobs: logprobs,
        byteCount: predicted.reduce(0) {
          $0 + tokenizer.bytes(of: $1, includeSpecialTokens: false).count
        })
    }
  }

  /// The logarithms of the probabilities of the tokens that a window predicts.
  private func logprobs(
    of window: PerplexityWindow, in text: [Int32], chunkLength: Int, _ worker: Worker
  ) throws(LanguageModelError) -> [Float] {
    var tokens = Array(text[window.tokens])
    if window.startsAnew, let beginning = beginningOfText { tokens[0] = beginning }
    let state = predictor.makeState()
    // The token before a predicted one has its logits; nothing is predicted from the last one.
    let first = window.predicted.lowerBound - 1 - window.tokens.lowerBound
    let contextLength = min(chunkLength, SequenceState.chunkLength)
    try forEachChunk(of: 0..<first, length: contextLength, worker) {
      range throws(LanguageModelError) in
      _ = try state.forward(Array(tokens[range]), logits: false)
    }
    var result: [Float] = []
    let length = min(chunkLength, Self.evaluationChunkLength)
    try forEachChunk(of: first..<tokens.count - 1, length: length, worker) {
      range throws(LanguageModelError) in
      let rows = try state.forwardAll(Array(tokens[range]))
      let size = predictor.vocabularySize
      for (index, position) in range.enumerated() {
        let row = rows[index * size..<(index + 1) * size]
        result.append(Float(try Logprobs.score(of: tokens[position + 1], in: row).logprob))
      }
    }
    return result
  }

  private func forEachChunk(
    of range: Range<Int>, length: Int, _ worker: Worker,
    _ body: (Range<Int>) throws(LanguageModelError) -> Void
  ) throws(LanguageModelError) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: length) {
      if worker.isCancelled { throw .cancelled }
      try body(start..<min(start + length, range.upperBound))
    }
  }

  /// The beginning of sequence, when the model's files put it before a text.
  var beginningOfText: Int32? {
    guard let beginning = tokenizer.beginningOfSequence,
      let empty = try? tokenizer.encode("", addSpecialTokens: true, parseSpecialTokens: false)
    else { return nil }
    return empty.first == beginning ? beginning : nil
  }
}
