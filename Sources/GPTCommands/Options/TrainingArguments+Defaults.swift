internal import GPTModel
internal import GPTOps
internal import GPTTraining

extension TrainingArguments {
  static let defaultSeed: UInt64 = 1337

  /// Chooses what was left open for a new model.
  mutating func complete(
    _ configuration: ModelConfiguration, preset: ModelPreset, trainingTokens: Int
  ) throws(TrainingError) {
    let cost = StepCost(configuration)
    batchSize = batchSize ?? Recipe.sequenceCount(contextLength: cost.length)
    accumulate = accumulate ?? 1
    let recipe = Recipe(
      trainingTokens: trainingTokens, parameterCount: configuration.parameterCount,
      tokensPerStep: try tokensPerStep(length: cost.length), steps: try stepsPaidFor(cost))
    complete(TrainingDefaults(recipe, learningRate: preset.learningRate))
  }

  /// Steps that were asked for, also by a budget; nil for a budget of time, and without any.
  func stepsPaidFor(_ cost: StepCost) throws(TrainingError) -> Int? {
    let tokens = try tokensPerStep(length: cost.length)
    guard let budget, steps == nil else { return steps }
    return try Budget(parsing: budget).stepCount(
      tokensPerStep: tokens, operationsPerToken: cost.operationsPerToken)
  }

  private func tokensPerStep(length: Int) throws(TrainingError) -> Int {
    let (sequences, first) = (batchSize ?? 1).multipliedReportingOverflow(by: accumulate ?? 1)
    let (tokens, second) = sequences.multipliedReportingOverflow(by: length)
    guard !first, !second, tokens <= Self.largestTokensPerStep else {
      throw .invalid(
        location: "batch size × accumulated batches × context length",
        found: "\(batchSize ?? 1) × \(accumulate ?? 1) × \(length)",
        expected: "at most \(Self.largestTokensPerStep) tokens a step")
    }
    return tokens
  }

  /// The largest published runs take some millions (Brown et al. 2020, table 2.1: 3.2 million).
  private static let largestTokensPerStep = 1 << 28

  /// Fills in what is still open.
  mutating func complete(_ defaults: TrainingDefaults) {
    if budget == nil { steps = steps ?? defaults.steps }
    completeDropout(defaults.dropout)
    validateEvery = validateEvery ?? defaults.validateEvery
    validationBatches = validationBatches ?? defaults.validationBatches
    sampleEvery = sampleEvery ?? defaults.sampleEvery
    logEvery = logEvery ?? defaults.logEvery
    checkpointEvery = checkpointEvery ?? validateEvery
    warmupSteps = warmupSteps ?? defaults.warmupSteps
    patience = patience ?? defaults.patience
    keep = keep ?? 2
    maxRollbacks = maxRollbacks ?? 10
    labelSmoothing = labelSmoothing ?? 0
    zLoss = zLoss ?? 0
    completeOptimizer(defaults)
  }

  mutating func completeDropout(_ share: Double) {
    dropout = dropout ?? share
    attentionDropout = attentionDropout ?? dropout
    residualDropout = residualDropout ?? dropout
    embeddingDropout = embeddingDropout ?? dropout
  }

  private mutating func completeOptimizer(_ defaults: TrainingDefaults) {
    let kind = optimizer ?? .adamw
    let published = OptimizerOptions(kind: kind)
    optimizer = kind
    learningRate = learningRate ?? defaults.learningRate * kind.rateFactor
    minimumLearningRateRatio = minimumLearningRateRatio ?? defaults.minimumLearningRateRatio
    schedule = schedule ?? defaults.schedule
    weightDecay = weightDecay ?? defaults.weightDecay ?? Double("\(published.weightDecay)")
    beta1 = beta1 ?? Double("\(published.beta1)")
    beta2 = beta2 ?? defaults.beta2
    clip = clip ?? 1
    seed = seed ?? Self.defaultSeed
    precision = precision ?? .auto
  }

  var optimizerOptions: OptimizerOptions {
    var options = OptimizerOptions(kind: optimizer ?? .adamw)
    if let beta1 { options.beta1 = Float(beta1) }
    if let beta2 { options.beta2 = Float(beta2) }
    if let weightDecay { options.weightDecay = Float(weightDecay) }
    return options
  }

  /// - Parameter steps: of the whole run
  func learningRates(steps: Int) -> LearningRateSchedule {
    LearningRateSchedule(
      kind: schedule ?? .cosine, peak: learningRate ?? 1e-3,
      minimumRatio: minimumLearningRateRatio ?? 0.1, warmupSteps: warmupSteps ?? 0,
      totalSteps: steps)
  }

  var modelOptions: TrainingModelOptions {
    var options = TrainingModelOptions()
    options.labelSmoothing = Float(labelSmoothing ?? 0)
    options.zLoss = Float(zLoss ?? 0)
    options.attentionDropout = Float(attentionDropout ?? 0)
    options.residualDropout = Float(residualDropout ?? 0)
    options.embeddingDropout = Float(embeddingDropout ?? 0)
    options.checkpointsActivations = activationCheckpointing
    options.stepsAreOneBatch = (accumulate ?? 1) == 1
    return options
  }

  func trainerOptions(_ cost: StepCost) throws(TrainingError) -> TrainerOptions {
    var options = try runLength(cost)
    options.microBatchCount = accumulate ?? 1
    options.clip = clip.flatMap { $0 > 0 ? $0 : nil }
    options.seed = seed ?? Self.defaultSeed
    options.validateEvery = validateEvery ?? 100
    options.sampleEvery = sampleEvery ?? 0
    options.logEvery = logEvery ?? 10
    options.checkpointEvery = checkpointEvery ?? 100
    options.patience = patience.flatMap { $0 > 0 ? $0 : nil }
    options.maximumRollbacks = maxRollbacks ?? 10
    return options
  }

  private func runLength(_ cost: StepCost) throws(TrainingError) -> TrainerOptions {
    if let budget, case .seconds(let seconds) = try Budget(parsing: budget) {
      return TrainerOptions(steps: nil, seconds: seconds)
    }
    return TrainerOptions(steps: try stepsPaidFor(cost) ?? 1)
  }

  /// How a model is opened whose weights stay as they are.
  var opening: ModelOptions {
    var options = ModelOptions()
    options.threadCount = threads
    options.precision = matrixPrecision
    return options
  }

  /// For a model all of which learns.
  func makeContext(for model: ModelConfiguration) throws(ModelError) -> ComputeContext {
    do {
      let level = try KernelLevel.chosen()
      let isOpen = (precision ?? .auto) == .auto
      return try ComputeContext(
        threadCount: threads ?? ComputeContext.availableThreadCount,
        precision: isOpen ? model.trainingPrecision(at: level) : matrixPrecision, level: level)
    } catch { throw .compute(error) }
  }

  var matrixPrecision: Precision { (precision ?? .auto).whileTraining }
}

extension ComputingArguments.Precision {
  /// Noise of 8-bit products with frozen weights is small beside that of the weights' own type.
  var whileTraining: Precision {
    switch self {
    case .fp32: .fp32
    case .bf16: .bf16
    case .int8, .auto: .int8
    }
  }
}

extension OptimizerOptions.Kind {
  /// Learning rates that suit, as multiples of AdamW's: Lion a tenth (Chen et al. 2023, section 5),
  /// SGD a hundred, because nothing divides its gradients.
  fileprivate var rateFactor: Double {
    switch self {
    case .adamw, .muon: 1
    case .lion: 0.1
    case .sgd: 100
    }
  }
}
