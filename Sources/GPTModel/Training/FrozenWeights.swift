import GPTOps

extension TrainingModel {
  /// Tokens whose activations stay in the cache from one operation to the next; products still
  /// read a weight for many rows.
  static let tokensInCache = 512

  /// Whether the 8-bit forms of what an adapter is learned beside are kept from now on.
  ///
  /// Only then a batch is taken in parts: without them every part would round the weights anew, as
  /// parts of a model that is trained whole would write all of its gradients.
  static func keepsFrozenPanels(
    of configuration: ModelConfiguration, trained: TrainedShare, in context: ComputeContext
  ) -> Bool {
    !trained.hasMatrices
      && context.keepFrozenPanels(weights: configuration.multipliedWeightCount)
  }
}

extension ModelConfiguration {
  /// Weights that rows are multiplied with: of all but embeddings and vectors.
  package var multipliedWeightCount: Int {
    blockCount * blockMatrixCount + vocabularySize * width
  }
}
