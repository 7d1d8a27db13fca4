internal import GPTModel
internal import GPTOps

/// What a step of the trainer measured.
struct TrainingStep {
  /// Mean negative log likelihood of its targets (or pairs), in nats.
  var loss: Double
  /// Euclidean, before clipping.
  var gradientNorm: Double
  var learningRate: Double
  /// Tokens of a sequence.
  var length: Int
}

extension Trainer {
  /// Learns from the next batch; nil when that failed and the run went back to its last checkpoint.
  func trainStep() throws(TrainingError) -> TrainingStep? {
    let start = surroundings.clock()
    let index = nextBatchIndex
    let batches = (0..<options.microBatchCount).map {
      parts.data.microBatch(index * options.microBatchCount + $0)
    }
    let parameters = parts.model.parameters
    parts.model.zeroGradients()
    let sum = try accumulate(batches, index: index)
    guard sum.total.isFinite, sum.negativeLogLikelihood.isFinite else {
      try rollBack(because: "the loss", batch: index)
      return nil
    }
    let norm = gradientNorm(parameters, in: parts.model.context)
    guard norm.isFinite else {
      try rollBack(because: "the gradient norm", batch: index)
      return nil
    }
    let rate = update(gradientNorm: norm)
    state.step += 1
    state.batchIndex = index + 1
    state.tokens += batches.reduce(0) { $0 + $1.targetCount }
    intervalSeconds += surroundings.clock() - start
    intervalTokens += batches.reduce(0) { $0 + $1.inputs.count }
    return TrainingStep(
      loss: sum.negativeLogLikelihood / Double(max(1, sum.count)), gradientNorm: norm,
      learningRate: rate, length: batches.first?.length ?? 0)
  }

  private var nextBatchIndex: Int {
    var index = state.batchIndex
    let skipped = Set(state.skippedBatches)
    while skipped.contains(index) { index += 1 }
    return index
  }

  /// The gradient of the mean over all micro-batches' losses.
  private func accumulate(
    _ batches: [TokenBatch], index: Int
  ) throws(TrainingError) -> LossSum {
    let count = batches.reduce(0) { $0 + parts.model.lossCount(of: $1) }
    var sum = LossSum()
    for (number, batch) in batches.enumerated() {
      do throws(ModelError) {
        sum += try parts.model.accumulateGradients(
          batch, scale: 1 / Float(max(1, count)),
          dropoutKey: dropoutKey(microBatch: index * options.microBatchCount + number))
      } catch { throw .model(error) }
    }
    return sum
  }

  /// Another number for each micro-batch: the factor is odd.
  private func dropoutKey(microBatch: Int) -> UInt64 {
    options.seed &+ UInt64(microBatch) &* 0x9e37_79b9_7f4a_7c15
  }

  /// Moves the weights; the learning rate.
  private func update(gradientNorm norm: Double) -> Double {
    let step = state.step + 1
    let rate =
      timeFraction.map { parts.schedule.rate(step: step, fractionDone: $0) }
      ?? parts.schedule.rate(step: step)
    // The small number keeps the quotient finite (PyTorch, clip_grad_norm_).
    let scale = options.clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    parts.optimizer.update(
      parts.model.parameters, learningRate: Float(rate), step: step, gradientScale: Float(scale),
      in: parts.model.context)
    parts.average?.update(in: parts.model.context)
    return rate
  }
}
