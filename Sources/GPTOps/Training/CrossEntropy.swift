import CKernels
package import GPTTensor

/// What the loss adds to the plain cross-entropy.
package struct LossOptions: Sendable, Equatable {
  /// Share of the target's probability that is spread over the vocabulary (Szegedy et al. 2016,
  /// arXiv:1512.00567, section 7).
  package var labelSmoothing: Float = 0
  /// Factor on (log Z)², which keeps logits small (Chowdhery et al. 2022, arXiv:2204.02311).
  package var zLoss: Float = 0
  package init() {}
}

/// Losses of a batch, summed over its counted targets.
package struct LossSum: Sendable, Equatable {
  /// What training makes small, in nats.
  package var total: Double
  /// −log p(target), in nats.
  package var negativeLogLikelihood: Double
  package var count: Int

  package init(total: Double = 0, negativeLogLikelihood: Double = 0, count: Int = 0) {
    self.total = total
    self.negativeLogLikelihood = negativeLogLikelihood
    self.count = count
  }

  package static func += (left: inout LossSum, right: LossSum) {
    left.total += right.total
    left.negativeLogLikelihood += right.negativeLogLikelihood
    left.count += right.count
  }
}

/// Most logits that exist at once, 256 MB of them: rows are taken in groups of equal size. Every
/// group reads the weight twice and its gradient once, which asks for few groups.
private let logitsAtOnce = 64 << 20

/// Output projection and cross-entropy in one: logits exist for a few rows at a time, forward and
/// backward.
///
///     loss = Σ over t of crossEntropy(x[t] · weightᵀ, target[t])
///
/// - Parameters: x `[T, C]`; weight `[V, C]`; a negative target is not counted; scratch gives memory
///   for the group of logits
/// - Parameter gradients: dx `[T, C]` is overwritten, the weight's gradient, if it has one, added
///   to, both with factor `scale`; nil computes the loss alone
/// - Source: the gradient of the softmax, see `cross_entropy` in `template_training.h`
package func crossEntropy(
  _ x: Tensor, weight: LinearWeight, targets: [Int32], options: LossOptions,
  gradients: (dx: Tensor, scale: Float)?, scratch: Workspace, in context: ComputeContext
) -> LossSum {
  let mark = scratch.mark()
  defer { scratch.release(to: mark) }
  let vocabulary = weight.outputs
  let fitting = max(16, logitsAtOnce / Tensor.padded(vocabulary)) / 16 * 16
  let groups = (x.rows + fitting - 1) / fitting
  let size = ((x.rows + groups - 1) / groups + 15) / 16 * 16
  let logits = scratch.tensor(rows: min(size, x.rows), columns: vocabulary)
  var result = LossSum()
  for first in stride(from: 0, to: x.rows, by: size) {
    let rows = first..<min(first + size, x.rows)
    let part = logits.matrix(rows: 0..<rows.count)
    let input = PreparedRows(x.matrix(rows: rows), memory: .slot(.input), in: context)
    multiply(
      LeftOperand(input), [Product(right: weight.transposedOperand, c: part)], accumulate: false,
      in: context)
    result += rowLosses(
      logits, targets: targets[rows], options: options, factor: gradients?.scale ?? 0, in: context)
    guard let dx = gradients?.dx else { continue }
    let gradients =
      context.multipliesNarrow
      ? PreparedRows(narrowed: part) : PreparedRows(part, memory: .slot(.rows), in: context)
    productBackward(
      gradients, input: input, weight: weight, into: dx.matrix(rows: rows), accumulate: false,
      in: context)
  }
  return result
}

/// Losses of rows of logits, added up in order of rows; the logits become their gradients, in bf16
/// (as `PreparedRows.init(narrowed:)` takes them) where products do.
private func rowLosses(
  _ logits: Tensor, targets: ArraySlice<Int32>, options: LossOptions, factor: Float,
  in context: ComputeContext
) -> LossSum {
  let first = targets.startIndex
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * targets.count) { losses in
    let losses = UnsafeMutableBufferPointer(rebasing: losses[...])
    guard let base = losses.baseAddress else { return LossSum() }
    nonisolated(unsafe) let places = base
    targets.withUnsafeBufferPointer { targets in
      context.forEachRow(targets.count) { row, worker in
        let target = targets[row]
        places[2 * row] = 0
        places[2 * row + 1] = 0
        guard target >= 0 else {
          logits.row(row).update(repeating: 0, count: logits.stride)
          return
        }
        places[2 * row] = context.kernels.pointee.cross_entropy(
          logits.row(row), Int32(logits.columns), target, options.labelSmoothing, options.zLoss,
          factor, places + 2 * row + 1)
        if factor != 0, context.multipliesNarrow { narrow(logits, row: row, worker, in: context) }
      }
    }
    var result = LossSum()
    for row in 0..<targets.count where targets[first + row] >= 0 {
      result += LossSum(
        total: base[2 * row], negativeLogLikelihood: base[2 * row + 1], count: 1)
    }
    return result
  }
}

/// Rounds a row to bf16, which then fills the first half of its place: while the row is in the
/// cache, and without memory for a second form of all rows.
private func narrow(_ logits: Tensor, row: Int, _ worker: Int, in context: ComputeContext) {
  let count = (logits.columns + 31) & ~31
  let scratch = context.pool.scratch(worker: worker, byteCount: 2 * count)
    .assumingMemoryBound(to: UInt16.self)
  let stored = min(count, logits.stride)
  context.kernels.pointee.to_bf16(logits.row(row), scratch, stored)
  for index in stored..<count { scratch[index] = 0 }
  UnsafeMutableRawPointer(logits.row(row)).copyMemory(from: scratch, byteCount: 2 * count)
}
