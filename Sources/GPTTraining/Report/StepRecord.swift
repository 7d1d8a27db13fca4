package import GPTJSON

/// A line of a log that grows with a run's steps.
package protocol StepRecord: Sendable {
  var step: Int { get }
  var json: JSONValue { get }
  /// Nil when `json` is no such record.
  init?(json: JSONValue)
}

extension MetricsRecord: StepRecord {}
