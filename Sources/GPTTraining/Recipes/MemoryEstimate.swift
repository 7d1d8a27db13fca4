package import GPTModel

/// What a training run needs of memory, in bytes, to be asked before it starts.
///
/// What is kept for backward dominates all but tiny batches; that it rests in bf16 in large ones is
/// left out of the account. Buffers that a machine's kernels add come on top.
package struct MemoryEstimate: Sendable, Equatable {
  /// Weights that stay as they are, and of the others gradients, moments and averages too.
  package let parameterBytes: Double
  /// What forward keeps for backward, and the working memory of a micro-batch; less what of it lies
  /// in the gradients' memory.
  package let activationBytes: Double
  /// Token ids of a step's micro-batches.
  package let batchBytes: Double

  package var totalBytes: Double { parameterBytes + activationBytes + batchBytes }

  /// The logits of a step exist in panels of at most so much.
  private static let logitBytes = 256e6

  /// - Parameters:
  ///   - trainedCount: parameters that are trained; nil: all of the model's
  ///   - frozenBytes: of weights that are not
  ///   - sequenceCount: of a micro-batch
  ///   - microBatchCount: of a step
  package init(
    _ model: ModelConfiguration, trainedCount: Int? = nil, frozenBytes: Double = 0,
    sequenceCount: Int, microBatchCount: Int, optimizer: OptimizerOptions.Kind, hasAverage: Bool,
    checkpointsActivations: Bool
  ) {
    let moments = optimizer == .adamw ? 2 : 1
    let copies = Double(2 + moments + (hasAverage ? 1 : 0))
    parameterBytes = 4 * copies * Double(trainedCount ?? model.parameterCount) + frozenBytes
    let tokens = Double(sequenceCount) * Double(model.contextLength)
    let whole = Double(model.keptByBlock.residual + model.keptByBlock.insides)
    let kept = Double(model.blockCount) * (checkpointsActivations ? Double(model.width) : whole)
    // With checkpoints, one block at a time is there whole.
    let block = checkpointsActivations ? whole : 0
    let shared =
      microBatchCount == 1 && !checkpointsActivations
      ? Double(model.blockCount - 1) * min(tokens * whole, Double(model.blockParameterCount)) : 0
    let working = Double(4 * model.width + 3 * model.hiddenWidth)
    activationBytes =
      4 * tokens * (kept + block + working) - 4 * shared
      + min(Self.logitBytes, 4 * tokens * Double(model.vocabularySize))
    batchBytes = 8 * tokens * Double(microBatchCount)
  }
}
