internal import GPTJSON
internal import GPTTraining

/// What came out of a run, or of the part of it that an interruption ended.
struct RunSummary: Sendable {
  /// "gpt pretrain"
  let command: String
  let folder: String
  let reason: StopReason
  let state: TrainerState
  /// Of the whole run, pauses left out.
  let seconds: Double
  let bestValidationLoss: Double?
  /// Of the validation part's UTF-8 text, at the best validation loss.
  let bitsPerByte: Double?
  private let lines: Lines

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
    bitsPerByte = bestValidationLoss.flatMap { loss in task.bitsPerNat.map { loss * $0 } }
    lines = Lines(
      bestLoss: bestValidationLoss.map(task.text), product: task.product,
      next: task.nextCommand(folder))
  }

  /// What is said of it in the units of its task.
  private struct Lines: Sendable {
    let bestLoss: String?
    /// What the folder holds: "model" or "adapter".
    let product: String
    /// A command that uses it.
    let next: String
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
    if let loss = lines.bestLoss, let step = state.bestStep {
      let first = state.firstValidationLoss.map { "\($0.rounded(to: 4)) before, " } ?? ""
      StandardError.print(
        "validation loss \(first)\(loss) at step \(step)")
    }
    StandardError.print("\(lines.product): \(folder)  report: \(folder)/report.html")
    StandardError.print("try: \(lines.next)")
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
