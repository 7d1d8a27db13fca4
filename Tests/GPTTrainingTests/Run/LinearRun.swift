import GPTModel
import GPTOps
import GPTTensor
import GPTTraining
import Glibc

/// Learns y = w · x + b by least squares: small enough to check by hand, a real model to a trainer.
final class LinearModel: TrainableModel {
  /// A target that makes the loss no number.
  static let poison: Int32 = 1_000_000

  let context: ComputeContext
  let weights = Parameter(name: "weights", value: Tensor(rows: 1, columns: 2), decays: true)
  /// Targets that share a loss.
  var targetsPerLoss = 1
  /// What `accumulateGradients` was given.
  private(set) var dropoutKeys: [UInt64] = []

  init() throws {
    context = try ComputeContext(threadCount: 1, precision: .fp32)
    weights.prepareGradient()
  }

  var parameters: [Parameter] { [weights] }

  func accumulateGradients(
    _ batch: TokenBatch, scale: Float, dropoutKey: UInt64
  ) throws(ModelError) -> LossSum {
    dropoutKeys.append(dropoutKey)
    return walk(batch) { input, error in
      guard let gradient = weights.gradient?.pointer else { return }
      gradient[0] += scale * error * input
      gradient[1] += scale * error
    }
  }

  func evaluate(_ batch: TokenBatch) throws(ModelError) -> LossSum { walk(batch) { _, _ in } }

  func lossCount(of batch: TokenBatch) -> Int { batch.targetCount / targetsPerLoss }

  func operationsPerToken(length: Int) -> Double { 12 }

  private func walk(_ batch: TokenBatch, _ body: (Float, Float) -> Void) -> LossSum {
    var sum = LossSum(total: 0, negativeLogLikelihood: 0, count: 0)
    for (input, target) in zip(batch.inputs, batch.targets) where target >= 0 {
      let x = Float(input) / 8
      let wanted = target == Self.poison ? Float.nan : Float(target) / 8
      let error = weights.value.pointer[0] * x + weights.value.pointer[1] - wanted
      body(x, error)
      let loss = Double(error * error) / 2
      sum.total += loss
      sum.negativeLogLikelihood += loss
      sum.count += 1
    }
    sum.count /= targetsPerLoss
    return sum
  }

  var values: [Float] { (0..<2).map { weights.value.pointer[$0] } }
}

/// Gradient descent that writes down what it was asked.
final class RecordingDescent: Optimizer {
  private(set) var rates: [Float] = []
  private(set) var scales: [Float] = []
  private let steps = Tensor(rows: 1, columns: 1)

  var state: [(name: String, tensor: Tensor)] { [("weights.steps", steps)] }

  func update(
    _ parameters: [Parameter], learningRate: Float, step: Int, gradientScale: Float,
    in context: ComputeContext
  ) {
    rates.append(learningRate)
    scales.append(gradientScale)
    steps.pointer[0] += 1
    for parameter in parameters {
      for index in 0..<parameter.elementCount {
        guard let gradient = parameter.gradient?.pointer else { continue }
        parameter.value.pointer[index] -= learningRate * gradientScale * gradient[index]
      }
    }
  }
}

/// Checkpoints in memory.
final class MemoryStore: RunStore {
  private struct Snapshot {
    var state: TrainerState
    var tensors: [[Float]]
  }

  let model: LinearModel
  let optimizer: any Optimizer
  let average: WeightAverage?
  private var snapshots: [Snapshot] = []
  private(set) var published: (state: TrainerState, weights: [Float])?
  /// Saves of these steps fail.
  var failing: Set<Int> = []
  /// Models of these steps cannot be written.
  var failingModels: Set<Int> = []

  init(
    model: LinearModel, optimizer: any Optimizer, average: WeightAverage?,
    after earlier: MemoryStore? = nil
  ) {
    self.model = model
    self.optimizer = optimizer
    self.average = average
    snapshots = earlier?.snapshots ?? []
    published = earlier?.published
  }

  var savedSteps: [Int] { snapshots.map(\.state.step) }

  /// What a kill leaves that comes before the last checkpoint is written.
  func forgetLast() { snapshots.removeLast() }

  private var tensors: [Tensor] {
    [model.weights.value] + (optimizer.state + (average?.state ?? [])).map { $0.tensor }
  }

  func save(_ state: TrainerState) throws(TrainingError) {
    guard !failing.contains(state.step) else {
      throw .file(.system(path: "run", operation: "write it", code: ENOSPC))
    }
    let copies = tensors.map { tensor in (0..<tensor.columns).map { tensor.pointer[$0] } }
    snapshots.append(Snapshot(state: state, tensors: copies))
  }

  func restore() throws(TrainingError) -> TrainerState? {
    guard let last = snapshots.last else { return nil }
    put(last)
    return last.state
  }

  func load(step: Int) throws(TrainingError) -> Bool {
    guard let snapshot = snapshots.last(where: { $0.state.step == step }) else { return false }
    put(snapshot)
    return true
  }

  private func put(_ snapshot: Snapshot) {
    for (tensor, copy) in zip(tensors, snapshot.tensors) {
      for (index, value) in copy.enumerated() { tensor.pointer[index] = value }
    }
  }

  var hasModel: Bool { published != nil }

  func publish(_ state: TrainerState) throws(TrainingError) {
    guard !failingModels.contains(state.step) else {
      throw .file(.system(path: "run", operation: "write it", code: ENOSPC))
    }
    published = (state, model.values)
  }
}

/// A run of the toy, in a folder of its own that goes with it.
final class LinearRun {
  let model: LinearModel
  let optimizer = RecordingDescent()
  let average: WeightAverage?
  let store: MemoryStore
  let folder: String
  private(set) var events: [TrainerEvent] = []
  var options = TrainerOptions(steps: 20)
  var surroundings = TrainerSurroundings()
  var schedule = toySchedule
  var data = TrainingData(
    microBatch: { toyBatch($0) }, validationBatchCount: 2,
    validationBatch: { toyBatch(1000 + $0) })
  private let ownsFolder: Bool

  /// - Parameter earlier: the run to go on with
  init(after earlier: LinearRun? = nil, averageDecay: Float? = nil) throws {
    model = try LinearModel()
    average = averageDecay.map { [model] in WeightAverage(model.parameters, decay: $0) }
    store = MemoryStore(
      model: model, optimizer: optimizer, average: average, after: earlier?.store)
    ownsFolder = earlier == nil
    folder = try earlier?.folder ?? temporaryFolder()
    options.validateEvery = 6
    options.sampleEvery = 7
    options.logEvery = 3
    options.checkpointEvery = 5
  }

  deinit {
    guard ownsFolder else { return }
    for name in ["metrics.jsonl", "samples.jsonl"] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  func run() throws -> StopReason {
    var surroundings = surroundings
    surroundings.observe = { [unowned self] in events.append($0) }
    surroundings.makeSample = { model in "\(model.parameters[0].value.pointer[0])" }
    let trainer = Trainer(
      TrainerParts(
        model: model, optimizer: optimizer, schedule: schedule, average: average, data: data,
        store: store, metrics: try MetricsLog(path: "\(folder)/metrics.jsonl"),
        samples: try SampleLog(path: "\(folder)/samples.jsonl")),
      options: options, surroundings: surroundings)
    defer { state = trainer.state }
    return try trainer.run()
  }

  private(set) var state = TrainerState()

  /// The lines of the log without what differs between equal runs.
  func lines() throws -> [MetricsRecord] {
    try MetricsLog(path: "\(folder)/metrics.jsonl").records.map {
      var record = $0
      record.seconds = nil
      record.tokensPerSecond = nil
      return record
    }
  }

  func samples() throws -> [SampleRecord] {
    try SampleLog(path: "\(folder)/samples.jsonl").records
  }

  /// Ends the run as Ctrl-C during `step` does.
  func interrupt(after step: Int) {
    var asked = 0
    surroundings.isInterrupted = {
      asked += 1
      return asked >= step
    }
  }
}

/// Four sequences of two tokens of y = 3 x + 1/2, others for each number.
func toyBatch(_ index: Int, sequenceCount: Int = 4) -> TokenBatch {
  let inputs = (0..<sequenceCount * 2).map { Int32((index * 31 + $0 * 17) % 13) }
  return TokenBatch(
    sequenceCount: sequenceCount, length: 2, inputs: inputs, targets: inputs.map { 3 * $0 + 4 })
}

func temporaryFolder() throws -> String {
  var template = Array("/tmp/gpt-trainer-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else {
    throw FileError.system(path: "/tmp", operation: "make a folder", code: errno)
  }
  return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
