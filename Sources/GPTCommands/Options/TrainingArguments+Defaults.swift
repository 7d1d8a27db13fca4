internal import GPTModel
internal import GPTTraining

extension TrainingArguments {
  static let defaultSeed: UInt64 = 1337

  /// Chooses what was left open.
  mutating func complete(
    _ configuration: ModelConfiguration, preset: ModelPreset, trainingTokens: Int
  ) throws(TrainingError) {
    let length = configuration.contextLength
    batchSize = batchSize ?? Recipe.sequenceCount(contextLength: length)
    accumulate = accumulate ?? 1
    let tokensPerStep = try tokensPerStep(length: length)
    let paid = try budget.map { text throws(TrainingError) in
      try Budget(parsing: text).stepCount(
        tokensPerStep: tokensPerStep,
        operationsPerToken: configuration.trainingOperationsPerToken(length: length))
    }
    let recipe = Recipe(
      trainingTokens: trainingTokens, parameterCount: configuration.parameterCount,
      tokensPerStep: tokensPerStep, steps: steps ?? paid ?? nil)
    complete(recipe)
    completeOptimizer(preset)
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

  private mutating func complete(_ recipe: Recipe) {
    if budget == nil { steps = steps ?? recipe.steps }
    dropout = dropout ?? recipe.dropout
    attentionDropout = attentionDropout ?? dropout
    residualDropout = residualDropout ?? dropout
    embeddingDropout = embeddingDropout ?? dropout
    validateEvery = validateEvery ?? recipe.validateEvery
    validationBatches = validationBatches ?? .count(20)
    sampleEvery = sampleEvery ?? recipe.sampleEvery
    logEvery = logEvery ?? recipe.logEvery
    checkpointEvery = checkpointEvery ?? validateEvery
    warmupSteps = warmupSteps ?? recipe.warmupSteps
    patience = patience ?? 5
    keep = keep ?? 2
    maxRollbacks = maxRollbacks ?? 10
    labelSmoothing = labelSmoothing ?? 0
    zLoss = zLoss ?? 0
  }

  private mutating func completeOptimizer(_ preset: ModelPreset) {
    let kind = optimizer ?? .adamw
    let published = OptimizerOptions(kind: kind)
    optimizer = kind
    learningRate = learningRate ?? preset.learningRate * kind.rateFactor
    minimumLearningRateRatio = minimumLearningRateRatio ?? 0.1
    schedule = schedule ?? .cosine
    weightDecay = weightDecay ?? Double("\(published.weightDecay)")
    beta1 = beta1 ?? Double("\(published.beta1)")
    // Few tokens a step make noisy squares; nanoGPT averages them over longer for small models.
    beta2 = beta2 ?? 0.99
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

  func trainerOptions(_ configuration: ModelConfiguration) throws(TrainingError) -> TrainerOptions {
    var options = try runLength(configuration)
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

  private func runLength(
    _ configuration: ModelConfiguration
  ) throws(TrainingError) -> TrainerOptions {
    guard let budget else { return TrainerOptions(steps: steps ?? 1) }
    let amount = try Budget(parsing: budget)
    if case .seconds(let seconds) = amount { return TrainerOptions(steps: nil, seconds: seconds) }
    let length = configuration.contextLength
    return TrainerOptions(
      steps: amount.stepCount(
        tokensPerStep: try tokensPerStep(length: length),
        operationsPerToken: configuration.trainingOperationsPerToken(length: length)) ?? 1)
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
