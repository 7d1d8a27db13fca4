internal import GPTModel
internal import GPTTraining

/// What `TrainingArguments` are filled in with.
struct TrainingDefaults {
  var steps: Int
  var dropout = 0.0
  var validateEvery: Int
  var validationBatches = BatchLimit.count(20)
  var sampleEvery: Int
  var logEvery: Int
  var warmupSteps: Int
  var patience = 5
  /// AdamW's.
  var learningRate: Double
  var minimumLearningRateRatio = 0.1
  var schedule = LearningRateSchedule.Kind.cosine
  /// nil: what the optimizer's authors chose.
  var weightDecay: Double?
  /// Few tokens a step make noisy squares; nanoGPT averages them over longer for small models.
  var beta2 = 0.99

  /// For a new model.
  init(_ recipe: Recipe, learningRate: Double) {
    steps = recipe.steps
    dropout = recipe.dropout
    validateEvery = recipe.validateEvery
    sampleEvery = recipe.sampleEvery
    logEvery = recipe.logEvery
    warmupSteps = recipe.warmupSteps
    self.learningRate = learningRate
  }

  /// For a model that has learned before: the rate falls to nothing, weights do not decay from what
  /// they know, and gradients are averaged as PEFT's users have it (PyTorch's AdamW).
  init(_ recipe: FinetuneRecipe) {
    steps = recipe.steps
    validateEvery = recipe.validateEvery
    validationBatches = .count(50)
    sampleEvery = 2 * recipe.validateEvery
    logEvery = recipe.logEvery
    warmupSteps = recipe.warmupSteps
    patience = 3
    learningRate = recipe.learningRate
    minimumLearningRateRatio = 0
    weightDecay = 0
    beta2 = 0.999
  }
}

/// What decides how far a budget goes, beside the batch.
struct StepCost {
  /// Tokens of a sequence.
  let length: Int
  let operationsPerToken: Double

  init(length: Int, operationsPerToken: Double) {
    self.length = length
    self.operationsPerToken = operationsPerToken
  }

  /// Of training a whole model.
  init(_ configuration: ModelConfiguration) {
    length = configuration.contextLength
    operationsPerToken = configuration.trainingOperationsPerToken(length: length)
  }
}
