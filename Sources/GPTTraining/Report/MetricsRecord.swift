package import GPTJSON

/// One line of `metrics.jsonl`: what was measured at one step of a run.
package struct MetricsRecord: Equatable, Sendable {
  /// Counts from 1.
  package var step: Int
  /// Tokens trained on since the run began.
  package var tokens: Double?
  /// Mean of the step, nats a token.
  package var loss: Double?
  /// Mean over the validation set, nats a token.
  package var validationLoss: Double?
  /// Euclidean norm of all gradients together, before clipping.
  package var gradientNorm: Double?
  package var learningRate: Double?
  /// Since the run began, pauses left out.
  package var seconds: Double?
  package var tokensPerSecond: Double?
  /// Share of the machine's matrix-multiply peak, 0…1.
  package var modelFlopsUtilisation: Double?
  /// Resident memory of the process.
  package var memoryBytes: Double?

  package init(
    step: Int, tokens: Double? = nil, loss: Double? = nil, validationLoss: Double? = nil,
    gradientNorm: Double? = nil, learningRate: Double? = nil, seconds: Double? = nil,
    tokensPerSecond: Double? = nil, modelFlopsUtilisation: Double? = nil,
    memoryBytes: Double? = nil
  ) {
    self.step = step
    self.tokens = tokens
    self.loss = loss
    self.validationLoss = validationLoss
    self.gradientNorm = gradientNorm
    self.learningRate = learningRate
    self.seconds = seconds
    self.tokensPerSecond = tokensPerSecond
    self.modelFlopsUtilisation = modelFlopsUtilisation
    self.memoryBytes = memoryBytes
  }

  /// Nil when `json` is no object with a whole number of steps; other members may be absent.
  package init?(json: JSONValue) {
    guard let step = json["step"]?.integer, step >= 0 else { return nil }
    self.init(step: step)
    for member in MetricsRecord.members { self[keyPath: member.path] = json[member.key]?.double }
  }

  /// Absent values have no member; a value that is not finite is null, as JSON has none.
  package var json: JSONValue {
    var object = JSONObject([("step", .integer(step))])
    for member in MetricsRecord.members {
      object[member.key] = self[keyPath: member.path].map(MetricsRecord.number)
    }
    return .object(object)
  }

  /// Counts are written as counts.
  private static func number(_ value: Double) -> JSONValue {
    Int(exactly: value).map { .integer($0) } ?? .number(value)
  }

  private static var members: [(key: String, path: WritableKeyPath<MetricsRecord, Double?>)] {
    [
      ("tokens", \.tokens), ("loss", \.loss), ("validation_loss", \.validationLoss),
      ("gradient_norm", \.gradientNorm), ("learning_rate", \.learningRate),
      ("seconds", \.seconds), ("tokens_per_second", \.tokensPerSecond),
      ("model_flops_utilisation", \.modelFlopsUtilisation), ("memory_bytes", \.memoryBytes),
    ]
  }
}
