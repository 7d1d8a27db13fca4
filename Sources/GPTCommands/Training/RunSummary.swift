internal import GPTJSON
internal import GPTTraining

/// What came out of a run, or of the part of it that an interruption ended.
struct RunSummary: Sendable {
  /// "gpt pretrain"
  let command: String
  let folder: String
  /// What the folder holds: "model" or "adapter".
  let product: String
  /// A command that uses it.
  let next: String
  let reason: StopReason
  let state: TrainerState
  /// Of the whole run, pauses left out.
  let seconds: Double
  let bestValidationLoss: Double?
  private let bitsPerNat: Double?

  init(
    command: String, folder: String, reason: StopReason, state: TrainerState, seconds: Double,
    hasValidation: Bool, task: TrainingTask
  ) {
    self.command = command
    self.folder = folder
    self.reason = reason
    self.state = state
    self.seconds = seconds
    bestValidationLoss = hasValidation ? state.bestValidationLoss : nil
    bitsPerNat = task.bitsPerNat
    product = task.product
    next = task.nextCommand(folder)
  }

  /// "1.2345 nats per token (0.5 bits per byte)"
  static func text(loss: Double, bitsPerNat: Double?) -> String {
    let nats = "\(loss.rounded(to: 4)) nats per token"
    return bitsPerNat.map { "\(nats) (\((loss * $0).rounded(to: 4)) bits per byte)" } ?? nats
  }

  /// - Throws: `CommandError.interrupted` when the run was
  func report(json isJSON: Bool) throws(CommandError) {
    print()
    if isJSON { try StandardOutput.shared.writeLine(json.encoded()) }
    if reason == .interrupted { throw .interrupted }
  }

  /// On standard error, for people.
  private func print() {
    guard reason != .interrupted else {
      StandardError.print(
        "saved after step \(state.step); go on with: \(command) --resume \(folder)")
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
    if let loss = bestValidationLoss, let step = state.bestStep {
      let first = state.firstValidationLoss.map { "\($0.rounded(to: 4)) before, " } ?? ""
      StandardError.print(
        "validation loss \(first)\(Self.text(loss: loss, bitsPerNat: bitsPerNat)) at step \(step)")
    }
    StandardError.print("\(product): \(folder)  report: \(folder)/report.html")
    StandardError.print("try: \(next)")
  }

  /// Of the validation part's UTF-8 text, at the best validation loss.
  private var bitsPerByte: Double? {
    bestValidationLoss.flatMap { loss in bitsPerNat.map { loss * $0 } }
  }

  private var json: JSONValue {
    let first = state.firstValidationLoss.map { ("first_validation_loss", JSONValue.number($0)) }
    return JSONValue(
      members: [first].compactMap { $0 } + [
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
