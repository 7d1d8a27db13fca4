import GPTOps
import GPTTensor

/// Where the fp32 insides of half a block are in forward, and again in its backward. All blocks use
/// the same memory, and so do both halves, one after the other.
struct ActiveInsides {
  let attention: Workspace
  let feedForward: Workspace
}

extension ForwardPass {
  /// What half a block gives; what backward reads of its insides rests in bf16 until then, if there
  /// is a place where they are active.
  ///
  /// The products of both passes round these numbers to bf16 anyway.
  func restingAfter(
    _ half: KeyPath<ActiveInsides, Workspace>, _ forward: (ForwardPass) -> Tensor
  ) -> Tensor {
    guard let tape, let active else { return forward(self) }
    var pass = self
    let insides = active[keyPath: half]
    pass.insides = insides
    let mark = insides.mark()
    let output = forward(pass)
    let tensors = insides.tensors(since: mark)
    let resting = tensors.map { NarrowCopy(of: $0, in: kept, context: context) }
    let shapes = tensors.map { ($0.rows, $0.columns) }
    insides.release(to: mark)
    // Runs before the half's own steps, which come later on the tape's way back.
    tape.record {
      for (copy, shape) in zip(resting, shapes) {
        copy.widen(into: insides.tensor(rows: shape.0, columns: shape.1), context: context)
      }
      insides.release(to: mark)
    }
    return output
  }
}

extension ModelConfiguration {
  /// Bytes of a step's activations above which they rest in bf16: below, the memory is not worth
  /// the two passes over them.
  package static let restingBytes = 512e6

  /// Whether the activations of a step on so many tokens take more than `limit` bytes in fp32.
  func restsActivationsNarrow(tokenCount: Int, above limit: Double) -> Bool {
    let kept = Double(keptByBlock.residual + keptByBlock.insides) * Double(blockCount)
    return 4 * kept * Double(tokenCount) > limit
  }

  /// Numbers a token that a block keeps for backward: two sums of the residual stream; and queries,
  /// keys and values, what attention gives, and the feed-forward's insides.
  package var keptByBlock: (residual: Int, insides: Int) {
    let attention = (2 * headCount + 2 * keyValueHeadCount) * headWidth
    return (2 * width, attention + hiddenWidth * (feedForward == .gatedSilu ? 2 : 1))
  }
}
