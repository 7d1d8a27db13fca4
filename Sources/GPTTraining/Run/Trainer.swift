internal import GPTModel

/// The training loop.
///
/// A step takes the next batch, adds up the gradients of its micro-batches, clips and updates;
/// then come, when they are due, validation, a sample, a line of the log and a checkpoint, which is
/// also written when the last one is long ago and changes nothing then but what is kept. The run
/// begins with a checkpoint of step 0, so that an unwritable folder is told at once and there is
/// always one to go back to.
///
/// Batches, dropout and learning rate are functions of the seed and of the numbers in
/// `TrainerState`, so a run that goes on from a checkpoint equals the one that never stopped. Only
/// a budget of time looks at the clock.
package final class Trainer {
  let parts: TrainerParts
  let options: TrainerOptions
  let surroundings: TrainerSurroundings
  package internal(set) var state = TrainerState()

  /// The clock when `run` began, and the seconds that the run had then behind it.
  private var sessionStart = 0.0
  private var secondsBefore = 0.0
  private var stepsBefore = 0
  /// The clock after the last attempt to save, and how long that took.
  private var lastSave = (end: 0.0, duration: 0.0)
  /// Where the last validation was, for a budget of time.
  private var lastValidation = (step: 0, seconds: 0.0)
  /// Since the last record of the log; tokens also count that carry no loss.
  var intervalSeconds = 0.0
  var intervalTokens = 0

  package init(
    _ parts: TrainerParts, options: TrainerOptions,
    surroundings: TrainerSurroundings = TrainerSurroundings()
  ) {
    self.parts = parts
    self.options = options
    self.surroundings = surroundings
  }

  /// Trains until the end of the run or an interruption; everything is saved then.
  package func run() throws(TrainingError) -> StopReason {
    try begin()
    var reason = endReached
    while true {
      if let reason { return reason }
      reason = try advance()
    }
  }

  /// Goes on from the newest checkpoint, or saves the first one.
  private func begin() throws(TrainingError) {
    sessionStart = surroundings.clock()
    lastSave.end = sessionStart
    let restored = try parts.store.restore()
    state = restored ?? state
    stepsBefore = state.step
    try reviveBest()
    try cutLogs()
    secondsBefore =
      options.seconds == nil ? parts.metrics.records.last?.seconds ?? 0 : state.seconds
    lastValidation = (state.step, seconds)
    surroundings.observe(.began(state, resumed: restored != nil))
    guard restored == nil else { return }
    if options.validatesFirst { try validateFirst() }
    _ = try save(mustSucceed: true)
  }

  /// What the model is worth that the run begins with.
  private func validateFirst() throws(TrainingError) {
    guard let loss = try validate() else { return }
    state.firstValidationLoss = loss
    parts.metrics.append(MetricsRecord(step: 0, validationLoss: loss, seconds: seconds))
    if options.sampleEvery > 0 { sample() }
  }

  /// One step and what is due after it; the reason when it was the last one.
  private func advance() throws(TrainingError) -> StopReason? {
    guard let step = try trainStep() else { return nil }
    surroundings.observe(.step(progress(step)))
    let end = endReached
    var validationLoss: Double?
    if parts.data.validationBatchCount > 0, end != nil || isValidationDue {
      guard let loss = try validate() else { return nil }
      lastValidation = (state.step, seconds)
      validationLoss = loss
    }
    let reason = end ?? (isOutOfPatience ? .patience : nil)
    if options.sampleEvery > 0, reason != nil || isDue(options.sampleEvery) { sample() }
    if reason != nil || validationLoss != nil || isDue(options.logEvery) {
      log(step, validationLoss: validationLoss)
    }
    let interrupted = reason == nil && surroundings.isInterrupted()
    if reason != nil || interrupted || isSaveDue {
      guard try save(mustSucceed: reason != nil || interrupted) else { return nil }
    }
    return interrupted ? .interrupted : reason
  }

  private func isDue(_ interval: Int) -> Bool { interval > 0 && state.step % interval == 0 }

  /// A slow run with a budget of time also validates after each tenth of it, as long as that takes
  /// less than a step's time for every step.
  private var isValidationDue: Bool {
    if isDue(options.validateEvery) { return true }
    guard let budget = options.seconds else { return false }
    return seconds - lastValidation.seconds >= budget / 10
      && state.step - lastValidation.step >= parts.data.validationBatchCount
  }

  /// By steps, or by time when saving takes little of it.
  private var isSaveDue: Bool {
    let unsaved = surroundings.clock() - lastSave.end
    return isDue(options.checkpointEvery)
      || unsaved >= max(options.longestUnsavedSeconds, 20 * lastSave.duration)
  }

  private var isOutOfPatience: Bool {
    options.patience.map { state.patienceCount >= $0 } ?? false
  }

  private var endReached: StopReason? {
    if let steps = options.steps, state.step >= steps { return .steps }
    if let limit = options.seconds, seconds >= limit { return .time }
    return isOutOfPatience ? .patience : nil
  }

  /// Of the whole run until now, pauses left out.
  package var seconds: Double { secondsBefore + surroundings.clock() - sessionStart }

  /// Share of the budget of time that is gone.
  var timeFraction: Double? { options.seconds.map { min(1, seconds / $0) } }

  /// Steps of the whole run; with a budget of time, those that fit at the speed so far.
  private var plannedSteps: Int {
    let limit = options.steps ?? .max
    guard let budget = options.seconds else { return limit }
    guard state.step > 0, seconds > 0 else { return limit }
    // Beyond 2^53 steps a Double counts no more of them; nobody waits so long.
    let estimate = min(0x1p53, Double(state.step) * budget / seconds)
    return min(limit, max(state.step + 1, Int(estimate)))
  }

  private func progress(_ step: TrainingStep) -> TrainerProgress {
    let perStep =
      (surroundings.clock() - sessionStart) / Double(max(1, state.step - stepsBefore))
    let planned = plannedSteps
    let left = planned == .max ? .infinity : Double(planned - state.step) * perStep
    return TrainerProgress(
      step: state.step, plannedSteps: planned, loss: step.loss, learningRate: step.learningRate,
      tokensPerSecond: tokensPerSecond, secondsLeft: max(0, left))
  }

  private var tokensPerSecond: Double {
    intervalSeconds > 0 ? Double(intervalTokens) / intervalSeconds : 0
  }

  private func log(_ step: TrainingStep, validationLoss: Double?) {
    let operations = tokensPerSecond * parts.model.operationsPerToken(length: step.length)
    let record = MetricsRecord(
      step: state.step, tokens: Double(state.tokens), loss: step.loss,
      validationLoss: validationLoss, gradientNorm: step.gradientNorm,
      learningRate: step.learningRate, seconds: seconds, tokensPerSecond: tokensPerSecond,
      modelFlopsUtilisation: surroundings.peakOperationsPerSecond.map { operations / $0 },
      memoryBytes: surroundings.memoryBytes().map { Double($0) })
    intervalSeconds = 0
    intervalTokens = 0
    parts.metrics.append(record)
    surroundings.observe(.logged(record))
  }

  private func sample() {
    guard let makeSample = surroundings.makeSample else { return }
    let text = withAveragedWeights { makeSample(parts.model) }
    let record = SampleRecord(step: state.step, text: text)
    parts.samples.append(record)
    surroundings.observe(.sampled(record))
  }

  /// Saves a checkpoint; false when the run went back to the last one instead.
  private func save(mustSucceed: Bool) throws(TrainingError) -> Bool {
    let start = surroundings.clock()
    defer {
      let end = surroundings.clock()
      lastSave = (end, end - start)
    }
    guard weightsAreFinite else {
      try rollBack(because: "a weight", batch: max(0, state.batchIndex - 1))
      return false
    }
    // Without a budget of time no checkpoint tells how long it took, so that those of equal runs
    // are equal.
    if options.seconds != nil { state.seconds = seconds }
    do throws(TrainingError) {
      if state.step > 0, state.bestStep == nil || !parts.store.hasModel { try publish() }
      try parts.metrics.synchronise()
      try parts.samples.synchronise()
      try parts.store.save(state)
      surroundings.observe(.saved(step: state.step))
    } catch {
      // A disk that is full now may have room by the next checkpoint.
      if mustSucceed { throw error }
      surroundings.observe(.notSaved(error))
    }
    return true
  }

  /// Makes the weights that validation sees the model of the run.
  func publish() throws(TrainingError) {
    let state = state
    let result = withAveragedWeights {
      Result { () throws(TrainingError) in try parts.store.publish(state) }
    }
    try result.get()
  }

  func cutLogs() throws(TrainingError) {
    try parts.metrics.cut(after: state.step)
    try parts.samples.cut(after: state.step)
    intervalSeconds = 0
    intervalTokens = 0
  }
}
