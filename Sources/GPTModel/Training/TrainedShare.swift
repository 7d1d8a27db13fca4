/// Which of a model's blocks are to be trained.
package enum TrainablePart: Sendable, Equatable {
  case all
  /// The last blocks and the final norm; the embeddings and, as it is one, the output stay.
  case lastBlocks(Int)
}

/// What of a model is trained, as far as the work depends on it.
struct TrainedShare: Sendable, Equatable {
  /// The blocks before it are run as they are.
  var firstBlock = 0
  var hasEmbeddings = true
  /// The matrices of the blocks from the first on, and not adapters of them.
  var hasMatrices = true
  var adapterParameterCount = 0
}

extension ModelConfiguration {
  /// Floating-point operations of a training step, a token: 6 for every trained weight that
  /// multiplies, 12 · L · H · D · T for attention (Chowdhery et al. 2022, arXiv:2204.02311,
  /// appendix B). Frozen weights have no gradient, which leaves 4; what lies before the first
  /// trained block has no backward pass, which leaves 2 and a third of attention.
  func trainingOperationsPerToken(length: Int, trained: TrainedShare) -> Double {
    let attention = 4 * Double(headCount * headWidth) * Double(length)
    let before = Double(trained.firstBlock) * (2 * Double(blockMatrixCount) + attention)
    let after =
      Double(blockCount - trained.firstBlock)
      * ((trained.hasMatrices ? 6 : 4) * Double(blockMatrixCount) + 3 * attention)
    let output = (trained.hasEmbeddings ? 6 : 4) * Double(vocabularySize * width)
    return before + after + output + 6 * Double(trained.adapterParameterCount)
  }

  /// The same of a model that is trained whole.
  package func trainingOperationsPerToken(length: Int) -> Double {
    trainingOperationsPerToken(length: length, trained: TrainedShare())
  }
}
