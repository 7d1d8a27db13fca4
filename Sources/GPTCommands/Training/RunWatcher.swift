internal import GPTTensor
internal import GPTTraining

/// Tells what happens in a run: on standard error, and in `report.html`.
///
/// Used by the thread that trains.
final class RunWatcher {
  let metrics: MetricsLog
  let samples: SampleLog
  private let command: String
  private let folder: String
  private let facts: [(String, String)]
  private let line = ProgressLine()
  private let task: TrainingTask
  private var validationLoss: Double?
  private var best: (loss: Double, step: Int)?
  private var hasWarnedOfReport = false
  /// Told since the last checkpoint; a disk that stays full is not told every time.
  private var toldFailures: Set<String> = []
  private var savedStep: Int?
  private var lastReport: ContinuousClock.Instant?

  /// Between two reports: enough for who watches, and a page of megabytes costs little.
  private static let reportInterval: Duration = .seconds(10)

  /// - Parameters:
  ///   - command: "gpt pretrain"
  ///   - facts: what the report tells of the run and stays as it is
  ///   - task: names the units of what is measured
  init(
    command: String, folder: String, facts: [(String, String)], task: TrainingTask,
    metrics: MetricsLog, samples: SampleLog
  ) {
    self.command = command
    self.folder = folder
    self.facts = facts
    self.task = task
    self.metrics = metrics
    self.samples = samples
  }

  /// Runs `body` and leaves terminal and report as they are to stay.
  func watching(_ body: () throws -> StopReason) throws -> StopReason {
    defer { line.clear() }
    do {
      let reason = try body()
      writeReport(reason == .interrupted ? .interrupted : .finished)
      return reason
    } catch {
      writeReport(.failed("\(error)"))
      if let savedStep {
        say("step \(savedStep) is saved; go on from it with: \(command) --resume \(folder)")
      }
      throw error
    }
  }

  func warn(_ message: String) { say("warning: \(message)") }

  func observe(_ event: TrainerEvent) {
    switch event {
    case .began(let state, let resumed):
      if resumed {
        say("going on after step \(state.step)")
        savedStep = state.step
      }
      setBest(state)
    case .step(let progress): line.show { status(progress) }
    case .logged:
      let now = ContinuousClock.now
      if lastReport.map({ now - $0 >= Self.reportInterval }) ?? true {
        lastReport = now
        writeReport(.running)
      }
    case .validated(let step, let loss, let isBest):
      validationLoss = loss
      if isBest { best = (loss, step) }
      let when = step == 0 ? "before training" : "step \(step)"
      let notes = [step > 0 && isBest ? "the best" : nil, task.validationNote()].compactMap { $0 }
      say(
        (["\(when): validation loss \(loss.rounded(to: 4))"] + notes).joined(separator: ", "))
    case .sampled(let sample): show(sample)
    case .saved(let step):
      savedStep = step
      if !toldFailures.isEmpty { say("step \(step) is saved") }
      toldFailures = []
    case .notSaved(let error):
      guard toldFailures.insert(error.description).inserted else { return }
      warn("not saved, trying again later: \(error)")
    case .rolledBack(let rollback, let state):
      setBest(state)
      warn(
        "step \(rollback.failedStep): \(rollback.quantity) is not finite; back to step "
          + "\(rollback.restoredStep), leaving out batch \(rollback.skippedBatch)")
    }
  }

  private func say(_ text: String) {
    line.clear()
    StandardError.print(text)
  }

  private func status(_ progress: TrainerProgress) -> String {
    var parts = ["step \(progress.step)"]
    if progress.plannedSteps < .max { parts[0] += "/\(progress.plannedSteps)" }
    parts.append("loss \(progress.loss.rounded(to: 3))")
    if let validationLoss { parts.append("val \(validationLoss.rounded(to: 3))") }
    parts.append("lr \((progress.learningRate * 1e3).rounded(to: 3))e-3")
    parts.append(
      "\(progress.tokensPerSecond.rounded(to: 0)) tok/s"
    )
    if progress.secondsLeft.isFinite {
      parts.append("\(RateEstimate.text(seconds: progress.secondsLeft)) left")
    }
    return parts.joined(separator: "  ")
  }

  /// A few lines of a sample; the report has all of it.
  private func show(_ sample: SampleRecord) {
    let limit = 6
    let lines = sample.text.split(separator: "\n").prefix(limit)
    say("sample of step \(sample.step):")
    for line in lines { StandardError.print("  | \(line)") }
  }

  /// What validation has said of the course that is gone on with.
  private func setBest(_ state: TrainerState) {
    validationLoss = state.bestValidationLoss
    best = state.bestValidationLoss.flatMap { loss in state.bestStep.map { (loss, $0) } }
  }

  /// A report that cannot be written costs the report, not the run; said once.
  private func writeReport(_ status: ReportInput.Status) {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    let page = renderReport(
      ReportInput(
        title: "\(name) · \(command)", facts: progressFacts + facts, records: metrics.records,
        samples: samples.records.map { ($0.step, $0.text) }, status: status))
    do throws(FileError) {
      try ReplacedFile.write(Array(page.utf8), to: "\(folder)/report.html")
      hasWarnedOfReport = false
    } catch {
      if !hasWarnedOfReport { warn(error.description) }
      hasWarnedOfReport = true
    }
  }

  /// What is known by now.
  private var progressFacts: [(String, String)] {
    var result: [(String, String)] = []
    if let best {
      result.append(
        (
          "best validation loss",
          "\(task.text(loss: best.loss)) at step \(best.step)"
        ))
    }
    let last = metrics.records.last
    if let seconds = last?.seconds { result.append(("time", RateEstimate.text(seconds: seconds))) }
    if let bytes = last?.memoryBytes {
      result.append(("peak memory", "\((bytes / 1e6).rounded(to: 0)) MB"))
    }
    return result
  }
}
