package import GPTModel

/// What a trainer drives.
package struct TrainerParts {
  package var model: any TrainableModel
  package var optimizer: any Optimizer
  package var schedule: LearningRateSchedule
  package var average: WeightAverage?
  package var data: TrainingData
  package var store: any RunStore
  package var metrics: MetricsLog
  package var samples: SampleLog

  package init(
    model: any TrainableModel, optimizer: any Optimizer, schedule: LearningRateSchedule,
    average: WeightAverage?, data: TrainingData, store: any RunStore, metrics: MetricsLog,
    samples: SampleLog
  ) {
    self.model = model
    self.optimizer = optimizer
    self.schedule = schedule
    self.average = average
    self.data = data
    self.store = store
    self.metrics = metrics
    self.samples = samples
  }
}

/// The batches of a run, every one a function of its number.
package struct TrainingData {
  /// Micro-batch k of endlessly many.
  package var microBatch: (Int) -> TokenBatch
  package var validationBatchCount: Int
  package var validationBatch: (Int) -> TokenBatch

  package init(
    microBatch: @escaping (Int) -> TokenBatch, validationBatchCount: Int,
    validationBatch: @escaping (Int) -> TokenBatch
  ) {
    self.microBatch = microBatch
    self.validationBatchCount = validationBatchCount
    self.validationBatch = validationBatch
  }
}

/// Where a run keeps what must survive it.
package protocol RunStore: AnyObject {
  /// Puts weights, optimizer, average and `state` on the disk.
  func save(_ state: TrainerState) throws(TrainingError)

  /// Loads the newest usable checkpoint; nil when there is none.
  func restore() throws(TrainingError) -> TrainerState?

  /// Loads the checkpoint of that step; false, and nothing changed, when there is none to use.
  func load(step: Int) throws(TrainingError) -> Bool

  /// Whether the run has a model.
  var hasModel: Bool { get }

  /// Makes the weights as they are now the model of the run.
  func publish(_ state: TrainerState) throws(TrainingError)
}

/// What a trainer asks of the world and tells it.
package struct TrainerSurroundings {
  /// Seconds of a clock that never goes back.
  package var clock: () -> Double = TrainerSurroundings.monotonicSeconds
  /// The most memory that was resident at once, in bytes.
  package var memoryBytes: () -> Int? = { nil }
  /// Operations per second of the machine's matrix products.
  package var peakOperationsPerSecond: Double?
  /// Asked after each step; true saves and ends the run.
  package var isInterrupted: () -> Bool = { false }
  package var makeSample: ((any TrainableModel) -> String)?
  package var observe: (TrainerEvent) -> Void = { _ in }

  package init() {}

  private static func monotonicSeconds() -> Double {
    let elapsed = ContinuousClock.now - origin
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }

  private static let origin = ContinuousClock.now
}

/// What happens in a run, for whoever watches.
package enum TrainerEvent {
  case began(TrainerState, resumed: Bool)
  case step(TrainerProgress)
  case logged(MetricsRecord)
  case validated(step: Int, loss: Double, isBest: Bool)
  case sampled(SampleRecord)
  case saved(step: Int)
  /// The run goes on and tries again with its next checkpoint.
  case notSaved(TrainingError)
  /// With where the run stands now.
  case rolledBack(Rollback, TrainerState)
}

/// Where a run stands after a step.
package struct TrainerProgress: Sendable, Equatable {
  package var step: Int
  /// Steps of the whole run, estimated when only its time is known.
  package var plannedSteps: Int
  package var loss: Double
  package var learningRate: Double
  package var tokensPerSecond: Double
  package var secondsLeft: Double
}

/// A return to the last checkpoint, after numbers that are not finite.
package struct Rollback: Sendable, Equatable {
  /// What was not finite: "the loss", "the gradient norm", "a weight", "the validation loss".
  package var quantity: String
  package var failedStep: Int
  package var restoredStep: Int
  package var skippedBatch: Int
  /// Returns of the whole run, this one included.
  package var count: Int

  package init(
    quantity: String, failedStep: Int, restoredStep: Int, skippedBatch: Int, count: Int
  ) {
    self.quantity = quantity
    self.failedStep = failedStep
    self.restoredStep = restoredStep
    self.skippedBatch = skippedBatch
    self.count = count
  }
}
