import GPTOps

extension TrainingModel {
  /// Tokens whose activations stay in the cache from one operation to the next; products still
  /// read a weight for many rows.
  static let tokensInCache = 512

  /// Logits that exist at once beside weights that need not be rounded anew for every group of rows:
  /// 25 MB of them.
  static let logitsInCache = 6 << 20

  /// Whether the 8-bit forms of what an adapter is learned beside are kept from now on.
  ///
  /// Only then a batch is taken in parts: without them every part would round the weights anew, as
  /// parts of a model that is trained whole would write all of its gradients.
  static func keepsFrozenPanels(of transformer: Transformer, trained: TrainedShare) -> Bool {
    let weights = transformer.blocks.map(\.up.weight) + [transformer.output.weight]
    return !trained.hasMatrices && weights.allSatisfy(\.isQuantised)
      && transformer.context.keepFrozenPanels(
        weights: transformer.configuration.multipliedWeightCount)
  }
}

extension LinearWeight {
  fileprivate var isQuantised: Bool {
    if case .packed(let matrix) = self, case .quantised = matrix.format { true } else { false }
  }
}

extension ModelConfiguration {
  /// Weights that rows are multiplied with: of all but embeddings and vectors.
  fileprivate var multipliedWeightCount: Int {
    blockCount * blockMatrixCount + vocabularySize * width
  }

  /// Bytes of what an adapter's training keeps of quantised weights in 8 bits, where it does.
  package var frozenPanelBytes: Int {
    ComputeContext.frozenPanelBytes(weights: multipliedWeightCount)
  }
}
