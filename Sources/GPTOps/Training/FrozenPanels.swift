import GPTTensor
import Synchronization

/// Quantised weights of a model that is learned beside, as their 8-bit products read them: made
/// when they are first multiplied, then kept, one form for each of forward and backward.
///
/// Rounding the weights anew takes as long for few rows as for many; without it a step may go
/// through its sequences one after the other, whose activations stay in the cache.
final class FrozenPanels: Sendable {
  private struct Key: Hashable {
    let weight: ObjectIdentifier
    let isTransposed: Bool
  }

  private struct Kept {
    /// Lives as long, so that no other gets its identity.
    let weight: any WeightPanels
    let memory: AlignedBuffer
    let panels: IntegerPanels
  }

  private let kept = Mutex<[Key: Kept]>([:])

  /// Panels of all columns of `right`; nil when it is no weight that is multiplied in 8 bits.
  ///
  /// To be called outside of parallel regions.
  func panels(of right: RightOperand, in context: ComputeContext) -> IntegerPanels? {
    guard right.multipliesIntegers(in: context) else { return nil }
    let (weight, isTransposed): (any WeightPanels, Bool)
    switch right {
    case .packed(let matrix): (weight, isTransposed) = (matrix, false)
    case .packedTransposed(let matrix): (weight, isTransposed) = (matrix, true)
    case .matrix, .rows: return nil
    }
    return kept.withLock { kept in
      let key = Key(weight: ObjectIdentifier(weight), isTransposed: isTransposed)
      if let found = kept[key] { return found.panels }
      let (memory, panels) = FrozenPanels.pack(right, in: context)
      kept[key] = Kept(weight: weight, memory: memory, panels: panels)
      return panels
    }
  }

  /// Panels that a thread packs at once: even, as a weight's blocks have 32 inputs.
  private static let panelsAtOnce = 4

  private static func pack(
    _ right: RightOperand, in context: ComputeContext
  ) -> (AlignedBuffer, IntegerPanels) {
    let count = (right.columns + 15) / 16
    let blocks = IntegerRows.blockCount(right.rows)
    let memory = AlignedBuffer(
      byteCount: IntegerPanels.byteCount(panels: count, blocks: blocks))
    let whole = IntegerPanels(panels: count, blocks: blocks, in: memory.base)
    context.pool.run((count + panelsAtOnce - 1) / panelsAtOnce) { chunk, worker in
      let first = chunk * panelsAtOnce
      let scratch = context.pool.scratch(
        worker: worker, byteCount: 4 * IntegerPacking.scratchCount(panels: panelsAtOnce))
      IntegerPacking(
        panels: whole.part(panel: first, block: 0),
        scratch: scratch.assumingMemoryBound(to: Float.self)
      ).pack(
        right, panels: first..<min(first + panelsAtOnce, count), depths: 0..<right.rows,
        in: context)
    }
    return (memory, whole)
  }
}

extension ComputeContext {
  /// Memory up to which 8-bit forms of frozen weights are kept.
  private static let mostPanelBytes = 1 << 30

  /// Bytes of the 8-bit forms of so many frozen weights, forward's and backward's: a code of each,
  /// and for 64 of them a scale and an offset. 0: they are not kept, as they are too many.
  package static func frozenPanelBytes(weights: Int) -> Int {
    let bytes = weights / 4 * 9
    return bytes <= mostPanelBytes ? bytes : 0
  }

  /// Keeps the 8-bit forms of a model's quantised weights from now on, if there are few enough.
  ///
  /// - Returns: whether they are kept
  package func keepFrozenPanels(weights: Int) -> Bool {
    guard multipliesIntegers, ComputeContext.frozenPanelBytes(weights: weights) > 0 else {
      return false
    }
    if frozenPanels == nil { frozenPanels = FrozenPanels() }
    return true
  }
}
