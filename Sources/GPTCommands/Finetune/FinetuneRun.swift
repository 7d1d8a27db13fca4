internal import GPTModel
internal import GPTTensor
internal import GPTTokenizer
internal import GPTTraining

/// Builds what a run of fine-tuning needs and trains.
struct FinetuneRun {
  let source: RunSource<FinetuneArguments>
  let isInterrupted: () -> Bool

  /// Nothing is written before model and examples are read and fit one another.
  func run() throws -> RunSummary {
    var arguments = source.arguments
    arguments.completeModel()
    let method = arguments.method ?? .lora
    let base = try FinetuneBase(
      path: arguments.model ?? "", format: arguments.data.chatTemplate)
    let teacher = try arguments.distillation.teacher.map { path throws(TrainingError) in
      try FinetuneBase(path: path)
    }
    let rowLength = try base.rowLength(arguments.data.contextLength)
    let data = try read(arguments, base, rowLength: rowLength)
    FinetuneDataReport(data.summary, method: method).lines.forEach(StandardError.print)
    let cost = try arguments.complete(
      data.summary, rowLength: rowLength, configuration: base.source.configuration)
    let hashes = try makeHashes(data, base, teacher)
    try checkMemory(arguments, base, cost)
    let model = try FinetuneModel(arguments, base: base, teacher: teacher)
    try teacher?.checkContext(rowLength)
    let training = arguments.training
    var task = TrainingTask(
      model: model.trained,
      data: data.trainingData(
        sequenceCount: training.batchSize ?? 1,
        validationLimit: training.validationBatches?.limit),
      cost: cost, saved: model.saved, hashes: hashes)
    task.validatesFirst = true
    if let writer = try FinetuneSamples.writer(base, data, prompt: arguments.samplePrompt) {
      task.makeSample = { _ in writer.write(model.inner.transformer) }
    }
    task.facts = facts(base, model, data.summary)
    if let preferences = model.trained as? PreferenceModel {
      task.lossUnit = "nats per pair"
      task.validationNote = { preferences.takeEvaluationStatistics().text }
    }
    if method.trainsAdapter {
      task.product = "adapter"
      task.nextCommand = {
        "gpt generate --model \(base.path) --adapter \($0) --prompt \"\""
      }
    }
    return try TrainingRun(
      source: source, folder: try source.openFolder(), arguments: arguments, task: task,
      isInterrupted: isInterrupted
    ).run()
  }

  private func read(
    _ arguments: FinetuneArguments, _ base: FinetuneBase, rowLength: Int
  ) throws(TrainingError) -> FinetuneData {
    let options = arguments.data.options(
      arguments.method ?? .lora, contextLength: rowLength,
      seed: arguments.training.seed ?? TrainingArguments.defaultSeed)
    return try FinetuneData.read(
      arguments.data.data ?? "", validationPath: arguments.data.validation, options: options,
      tokenizer: base.source.tokenizer, chatTemplate: try base.chatTemplate(),
      shouldStop: isInterrupted)
  }

  /// Of what the run is made of; those of a run that is gone on with must be the same.
  private func makeHashes(
    _ data: FinetuneData, _ base: FinetuneBase, _ teacher: FinetuneBase?
  ) throws(TrainingError) -> RunManifest.Hashes {
    let hashes = RunManifest.Hashes(
      corpus: data.hash, model: try ModelHash.of(base.path),
      teacher: try teacher.map { teacher throws(TrainingError) in try ModelHash.of(teacher.path) })
    guard let earlier = source.earlier else { return hashes }
    let before = earlier.manifest.hashes
    let arguments = source.arguments
    let parts: [(path: String?, what: String, found: String?, expected: String?)] = [
      (base.path, "the model has", hashes.model, before.model),
      (teacher?.path, "the teacher has", hashes.teacher, before.teacher),
      (arguments.data.data, "the examples have", hashes.corpus, before.corpus),
    ]
    for (path, what, found, expected) in parts where found != expected {
      throw .invalid(
        location: path ?? "teacher",
        found: "\(what) changed since the run began: the SHA-256 is \(found ?? "none")",
        expected: "\((expected ?? "none").printable(limit: 100)) as in \(earlier.path.printable())")
    }
    return hashes
  }

  private func checkMemory(
    _ arguments: FinetuneArguments, _ base: FinetuneBase, _ cost: StepCost
  ) throws(TrainingError) {
    let training = arguments.training
    var configuration = base.source.configuration
    let frozen = configuration.parameterCount
    let trained = arguments.trainedParameterCount(configuration)
    configuration.contextLength = cost.length
    let estimate = MemoryEstimate(
      configuration, trainedCount: trained,
      frozenBytes: (arguments.method ?? .lora).trainsAdapter
        ? Double(
          base.source.summary.dtypes.reduce(configuration.frozenPanelBytes) { $0 + $1.byteCount })
        : 4 * Double(frozen - trained),
      sequenceCount: training.batchSize ?? 1, microBatchCount: training.accumulate ?? 1,
      optimizer: training.optimizer ?? .adamw, hasAverage: training.ema != nil,
      checkpointsActivations: training.activationCheckpointing)
    try estimate.check(
      parameterCount: trained,
      lower: "--batch-size, --context-length, or use --method lora, --activation-checkpointing")
  }

  /// What stays as it is, beside the options.
  private func facts(
    _ base: FinetuneBase, _ model: FinetuneModel, _ summary: FinetuneSummary
  ) -> [(String, String)] {
    let trained = model.trained.parameters.reduce(0) { $0 + $1.elementCount }
    let share = Double(trained) / Double(max(1, base.source.configuration.parameterCount))
    return [
      ("base", base.source.summary.name ?? base.path),
      (
        "trained parameters",
        "\((Double(trained) / 1e6).rounded(to: 2)) million "
          + "(\((100 * share).rounded(to: 2)) % of the model)"
      ),
      (
        "examples",
        "\(summary.training.examples) for training, \(summary.validation.examples) for validation"
      ),
      (
        "tokens",
        "\(summary.training.tokens) a pass, \(summary.training.trainedTokens) of them learned"
      ),
    ]
  }
}

extension PreferenceStatistics {
  /// "71 % of the chosen answers preferred, mean margin 0.31"; nil without pairs.
  fileprivate var text: String? {
    guard let accuracy, let meanMargin else { return nil }
    return "\((100 * accuracy).rounded(to: 1)) % of the chosen answers preferred, mean margin "
      + "\(meanMargin.rounded(to: 3))"
  }
}
