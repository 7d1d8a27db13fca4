internal import GPTTokenizer
import Glibc

/// How well a model predicts a text.
public struct Perplexity: Sendable, Equatable {
  /// Sum of −log p over the tokens that were predicted, in nats.
  public let negativeLogLikelihood: Double
  /// Tokens that were predicted: all but the first of each window.
  public let tokenCount: Int

  /// exp of the mean; 1 is perfect.
  public var value: Double {
    tokenCount > 0 ? exp(negativeLogLikelihood / Double(tokenCount)) : .nan
  }
}

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

  /// The model's perplexity on `text`, in windows of its context (or of `windowLength` tokens)
  /// that do not overlap.
  public func perplexity(
    of text: String, windowLength: Int? = nil
  ) async throws(LanguageModelError) -> Perplexity {
    let length = min(windowLength ?? predictor.contextLength, predictor.contextLength)
    guard length > 1 else {
      throw .invalidOption(name: "windowLength", found: "\(length)", expected: "at least 2")
    }
    let tokens = try encode(text)
    return try await Worker().evaluate { [self] worker throws(LanguageModelError) in
      var sum = 0.0
      var count = 0
      var start = 0
      while tokens.count - start > 1 {
        let window = Array(tokens[start..<min(start + length, tokens.count)])
        sum += try negativeLogLikelihood(of: window, worker)
        count += window.count - 1
        start += length
      }
      guard count > 0 else { throw .emptyPrompt }
      return Perplexity(negativeLogLikelihood: sum, tokenCount: count)
    }
  }

  private func negativeLogLikelihood(
    of window: [Int32], _ worker: Worker
  ) throws(LanguageModelError) -> Double {
    let size = predictor.vocabularySize
    var position = 0
    var sum = 0.0
    try forEachChunk(of: window, worker) { rows throws(LanguageModelError) in
      for start in stride(from: 0, to: rows.count, by: size) {
        position += 1
        guard position < window.count else { return }
        let row = rows[start..<start + size]
        let normaliser = Logprobs.logSumExp(row)
        guard normaliser.isFinite else { throw .invalidLogits(found: "\(normaliser)") }
        sum += normaliser - Double(row[start + Int(window[position])])
      }
    }
    return sum
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

extension Worker {
  fileprivate func evaluate<Value: Sendable>(
    _ body: @escaping @Sendable (Worker) throws(LanguageModelError) -> Value
  ) async throws(LanguageModelError) -> Value {
    try await run { [self] () throws(LanguageModelError) in try body(self) }
  }
}
