internal import GPTJSON
internal import GPTModel
internal import GPTOps
internal import GPTTensor
internal import GPTTraining

/// What a run trains, and on what.
struct TrainingTask {
  var model: any TrainableModel
  var data: TrainingData
  var cost: StepCost
  /// What the run's folder and its checkpoints hold.
  var saved: any SavedModel
  /// SHA-256s of what the run is made of.
  var hashes: RunManifest.Hashes
  /// Whether the model is validated before its first step, so that the gain can be told.
  var validatesFirst = false
  var makeSample: ((any TrainableModel) -> String)?
  /// For the report, the options aside.
  var facts: [(String, String)] = []
  /// Bits for a byte of text, for each nat a token; nil when no text was counted.
  var bitsPerNat: Double?
  var lossUnit = "nats per token"
  /// More that the last validation told, to end its line with.
  var validationNote: () -> String? = { nil }
  /// What comes out: "model" or "adapter".
  var product = "model"
  /// A command to use it with, given the run's folder.
  var nextCommand: (String) -> String = { "gpt generate --model \($0) --prompt \"\"" }
}

extension TrainingTask {
  /// "1.2345 nats per token (0.5 bits per byte)"
  func text(loss: Double) -> String {
    let nats = "\(loss.rounded(to: 4)) \(lossUnit)"
    return bitsPerNat.map { "\(nats) (\((loss * $0).rounded(to: 4)) bits per byte)" } ?? nats
  }
}

/// Trains a task into its folder: what every command that trains does.
struct TrainingRun<Arguments: RunArguments> {
  let source: RunSource<Arguments>
  let folder: RunFolder
  /// Filled in.
  let arguments: Arguments
  let task: TrainingTask
  let isInterrupted: () -> Bool

  private var training: TrainingArguments { arguments.training }

  func run() throws -> RunSummary {
    var options = try training.trainerOptions(task.cost)
    options.validatesFirst = task.validatesFirst && task.data.validationBatchCount > 0
    let schedule = training.learningRates(steps: options.steps ?? 1)
    try schedule.validate()
    try training.optimizerOptions.validate()
    let optimizer = makeOptimizer(training.optimizerOptions, parameters: task.model.parameters)
    let average = training.ema.map { WeightAverage(task.model.parameters, decay: Float($0)) }
    let contents = CheckpointContents(
      task.saved, optimizerState: optimizer.state, averages: average?.state ?? [])
    let manifest = manifest
    let checkpoints = try makeCheckpoints(contents, manifest)
    let watcher = try makeWatcher()
    let store = FolderStore(
      folder: folder, checkpoints: checkpoints, contents: contents,
      manifest: source.earlier?.manifest ?? manifest,
      savedType: training.saveType?.dtype ?? .f32, chosen: source.checkpoint,
      warn: { watcher.warn($0.description) })
    let trainer = Trainer(
      TrainerParts(
        model: task.model, optimizer: optimizer, schedule: schedule, average: average,
        data: task.data, store: store, metrics: watcher.metrics, samples: watcher.samples),
      options: options, surroundings: makeSurroundings(watcher))
    let reason = try watcher.watching { try trainer.run() }
    return RunSummary(
      command: Arguments.command, folder: folder.path, reason: reason, state: trainer.state,
      seconds: trainer.seconds, hasValidation: task.data.validationBatchCount > 0, task: task)
  }

  private var manifest: RunManifest {
    RunManifest(
      version: CommandLineTool.version, seed: training.seed ?? TrainingArguments.defaultSeed,
      hashes: task.hashes, options: OptionValues.of(arguments))
  }

  /// Checks that the run is the one it was, asks for room on the disk and writes what the run is.
  private func makeCheckpoints(
    _ contents: CheckpointContents, _ manifest: RunManifest
  ) throws(TrainingError) -> CheckpointStore {
    let checkpoints = CheckpointStore(runFolder: folder.path, keepLast: training.keep ?? 2)
    if let earlier = source.earlier {
      try earlier.manifest.completed(from: manifest, changeable: Arguments.changeable)
        .check(equals: manifest, location: earlier.path)
      checkpoints.removeTemporaryFolders()
    }
    try checkpoints.checkSpace(for: contents)
    if source.isNewFolder {
      let first = source.earlier?.manifest ?? manifest
      try first.write(to: "\(folder.path)/\(RunManifest.fileName)")
    }
    return checkpoints
  }

  private func makeWatcher() throws(TrainingError) -> RunWatcher {
    let options = OptionValues.of(arguments).members.map { name, value in
      ("--\(name)", value.string ?? value.encoded())
    }
    return RunWatcher(
      command: Arguments.command, folder: folder.path, facts: task.facts + options, task: task,
      metrics: try MetricsLog(path: "\(folder.path)/metrics.jsonl"),
      samples: try SampleLog(path: "\(folder.path)/samples.jsonl"))
  }

  private func makeSurroundings(_ watcher: RunWatcher) -> TrainerSurroundings {
    var surroundings = TrainerSurroundings()
    surroundings.memoryBytes = { try? ProcessMemory.peakBytes() }
    surroundings.peakOperationsPerSecond = measureMatrixPeak(in: task.model.context)
    surroundings.isInterrupted = isInterrupted
    surroundings.observe = { watcher.observe($0) }
    surroundings.makeSample = task.makeSample
    return surroundings
  }
}
