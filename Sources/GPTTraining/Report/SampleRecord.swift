package import GPTJSON

/// One line of `samples.jsonl`: what the model wrote at a step.
package struct SampleRecord: Sendable, Equatable {
  package var step: Int
  package var text: String

  package init(step: Int, text: String) {
    self.step = step
    self.text = text
  }
}

extension SampleRecord: StepRecord {
  package init?(json: JSONValue) {
    guard let step = json["step"]?.integer, let text = json["text"]?.string else { return nil }
    self.init(step: step, text: text)
  }

  package var json: JSONValue {
    .object(JSONObject([("step", .integer(step)), ("text", .string(text))]))
  }
}
