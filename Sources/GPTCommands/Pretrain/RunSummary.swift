internal import GPTJSON
internal import GPTTraining

/// What came out of a run, or of the part of it that an interruption ended.
struct RunSummary: Sendable {
  let folder: String
  let reason: StopReason
  let state: TrainerState
  /// Of the whole run, pauses left out.
  let seconds: Double
  let bestValidationLoss: Double?
  /// Of the validation part's UTF-8 text, at the best validation loss.
  let bitsPerByte: Double?

  init(
    folder: String, reason: StopReason, state: TrainerState, seconds: Double,
    corpus: PreparedCorpus, hasValidation: Bool
  ) {
    self.folder = folder
    self.reason = reason
    self.state = state
    self.seconds = seconds
    bestValidationLoss = hasValidation ? state.bestValidationLoss : nil
    bitsPerByte = bestValidationLoss.map { corpus.bitsPerByte(ofLoss: $0) }
  }

  /// On standard error, for people.
  func print() {
    guard reason != .interrupted else {
      StandardError.print(
        "saved after step \(state.step); go on with: gpt pretrain --resume \(folder)")
      return
    }
    let why =
      switch reason {
      case .steps, .interrupted: "done"
      case .time: "the time is up"
      case .patience: "validation got no better"
      }
    StandardError.print(
      "\(why): \(state.step) steps, \(state.tokens) tokens in "
        + RateEstimate.text(seconds: seconds))
    if let loss = bestValidationLoss, let bits = bitsPerByte, let step = state.bestStep {
      StandardError.print(
        "validation loss \(loss.rounded(to: 4)) nats per token (\(bits.rounded(to: 4)) bits per "
          + "byte) at step \(step)")
    }
    StandardError.print("model: \(folder)  report: \(folder)/report.html")
    StandardError.print("try: gpt generate --model \(folder) --prompt \"\"")
  }

  var json: JSONValue {
    JSONValue(members: [
      ("folder", .string(folder)), ("reason", .string("\(reason)")),
      ("step", .integer(state.step)), ("tokens", .integer(state.tokens)),
      ("seconds", .number(seconds)),
      ("validation_loss", bestValidationLoss.map { .number($0) } ?? .null),
      ("bits_per_byte", bitsPerByte.map { .number($0) } ?? .null),
      ("best_step", state.bestStep.map { .integer($0) } ?? .null),
      ("rollbacks", .integer(state.rollbacks)),
    ])
  }
}
