internal import GPT
import Glibc

/// Contexts with their continuations, as lm-evaluation-harness tokenizes them.
enum ContinuationEncoding {
  /// - Parameter delimiter: put between the two where neither has white space
  static func request(
    _ context: String, _ continuation: String, delimiter: String, _ model: LanguageModel,
    location: String
  ) throws -> ContinuationRequest {
    let isApart =
      context.unicodeScalars.last?.properties.isWhitespace ?? true
      || continuation.unicodeScalars.first?.properties.isWhitespace ?? true
    let pair: ContinuationTokens
    do {
      pair = try model.encode(
        context: context, continuation: isApart ? continuation : delimiter + continuation)
    } catch {
      throw CommandError.invalid(
        location: location, found: error.description, expected: "text that can be encoded")
    }
    try check(pair.continuation, model, location: location)
    return ContinuationRequest(context: pair.context, continuations: [pair.continuation])
  }

  static func check(
    _ continuation: [Int32], _ model: LanguageModel, location: String
  ) throws(CommandError) {
    let limit = model.information.contextLength
    guard (1...limit).contains(continuation.count) else {
      throw .invalid(
        location: location, found: "an ending of \(continuation.count) tokens",
        expected: "1 to \(limit)")
    }
  }

  /// The scores of requests with one continuation each; neighbours with the same context share it.
  static func scores(
    _ requests: [ContinuationRequest], of model: LanguageModel, progress: EvaluationProgress
  ) async throws -> [ContinuationScore] {
    var merged: [ContinuationRequest] = []
    for request in requests {
      if merged.last?.context == request.context {
        merged[merged.count - 1].continuations += request.continuations
      } else {
        merged.append(request)
      }
    }
    let total = merged.count
    return try await model.scores(of: merged) { progress($0, of: total) }.flatMap { $0 }
  }
}

extension [Double] {
  /// exp(x) / Σ exp(x)
  var softmax: [Double] {
    let largest = self.max() ?? 0
    let powers = map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
