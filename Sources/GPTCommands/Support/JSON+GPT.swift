internal import GPT
internal import GPTJSON

extension JSONValue {
  init(members: [(String, JSONValue)]) { self = .object(JSONObject(members)) }

  init(ids: [Int32]) { self = .array(ids.map { .integer(Int($0)) }) }

  /// The fewest digits that give this float32 back.
  init(shortest value: Float) { self = .number(Double("\(value)") ?? Double(value)) }

  init(optional text: String?) { self = text.map { .string($0) } ?? .null }
}

extension GenerationTimings {
  var json: JSONValue {
    JSONValue(members: [
      ("prompt_tokens", .integer(promptTokenCount)),
      ("reused_tokens", .integer(reusedTokenCount)),
      ("prompt_seconds", .number(promptSeconds)),
      ("prompt_tokens_per_second", .number(promptTokensPerSecond)),
      ("decoded_tokens", .integer(decodedTokenCount)),
      ("decode_seconds", .number(decodeSeconds)),
      ("decode_tokens_per_second", .number(decodeTokensPerSecond)),
      ("drafted_tokens", .integer(draftedTokenCount)),
      ("accepted_tokens", .integer(acceptedTokenCount)),
      ("acceptance_rate", acceptanceRate.map { .number($0) } ?? .null),
    ])
  }

  /// The line that ends a generation on standard error.
  var summary: String {
    func rate(_ count: Int, _ seconds: Double, _ perSecond: Double) -> String {
      "\(count) tokens in \(seconds.rounded(to: 2)) s (\(perSecond.rounded(to: 1)) tokens/s)"
    }
    let computed = promptTokenCount - reusedTokenCount
    let reused = reusedTokenCount > 0 ? " (and \(reusedTokenCount) reused)" : ""
    let drafted = acceptanceRate.map {
      ", \(acceptedTokenCount) of \(draftedTokenCount) guesses right (\(($0 * 100).rounded(to: 0)) %)"
    }
    return "prompt \(rate(computed, promptSeconds, promptTokensPerSecond))\(reused), "
      + "generation \(rate(decodedTokenCount, decodeSeconds, decodeTokensPerSecond))"
      + (drafted ?? "")
  }
}

extension GeneratedToken {
  var logprobJSON: JSONValue {
    JSONValue(members: [
      ("id", .integer(Int(id))),
      ("text", .string(text)),
      ("logprob", logprob.map { JSONValue(shortest: $0) } ?? .null),
      (
        "top",
        .array(
          topLogprobs.map { candidate in
            JSONValue(members: [
              ("id", .integer(Int(candidate.id))),
              ("logprob", JSONValue(shortest: candidate.logprob)),
            ])
          })
      ),
    ])
  }
}

extension Double {
  /// Decimal text with `digits` digits behind the point.
  func rounded(to digits: Int) -> String {
    guard isFinite, magnitude < 1e15 else { return "\(self)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let whole = (magnitude * scale).rounded()
    let text = String(Int(whole / scale))
    let fraction = String(Int(whole.truncatingRemainder(dividingBy: scale)))
    let sign = self < 0 && whole > 0 ? "-" : ""
    guard digits > 0 else { return sign + text }
    let zeros = String(repeating: "0", count: max(0, digits - fraction.count))
    return "\(sign)\(text).\(zeros)\(fraction)"
  }
}
