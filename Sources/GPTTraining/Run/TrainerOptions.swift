/// How a run goes, whatever its model.
package struct TrainerOptions: Sendable, Equatable {
  /// Optimizer steps of the whole run; nil: until the time is up.
  package var steps: Int?
  /// Seconds of the whole run, earlier parts of a resumed one included.
  package var seconds: Double?
  /// Micro-batches whose gradients make one step.
  package var microBatchCount = 1
  /// Most that the norm of all gradients may be; nil: anything finite.
  package var clip: Double? = 1
  package var seed: UInt64 = 0

  /// Steps between two validations, samples (0: none), lines of the log, checkpoints.
  package var validateEvery = 250
  package var sampleEvery = 500
  package var logEvery = 10
  package var checkpointEvery = 500

  /// Whether the model is validated and asked for a sample before its first step.
  package var validatesFirst = false
  /// Validations without a new best loss before the run ends; nil: never.
  package var patience: Int?
  /// Times that a run may go back before it gives up.
  package var maximumRollbacks = 10

  /// Seconds after which a run is saved although no checkpoint is due: a slow one must not lose
  /// more, and a budget of time knows nothing of steps.
  var longestUnsavedSeconds: Double { min(600, (seconds ?? .infinity) / 20) }

  package init(steps: Int?, seconds: Double? = nil) {
    precondition(steps != nil || seconds != nil, "a run without an end")
    self.steps = steps
    self.seconds = seconds
  }
}

/// Why a run ended.
package enum StopReason: Sendable, Equatable {
  case steps
  case time
  /// So many validations brought nothing.
  case patience
  /// Ctrl-C or SIGTERM: the run can be gone on with.
  case interrupted
}
