package import GPTTensor

/// What the loss adds to the plain cross-entropy.
package struct LossOptions: Sendable, Equatable {
  /// Share of the target's probability that is spread over the vocabulary (Szegedy et al. 2016,
  /// arXiv:1512.00567, section 7).
  package var labelSmoothing: Float = 0
  /// Factor on (log Z)², which keeps logits small (Chowdhery et al. 2022, arXiv:2204.02311).
  package var zLoss: Float = 0
  /// Most logits that exist at once, 256 MB of them: rows are taken in groups of equal size. Every
  /// group reads the weight twice and its gradient once, which asks for few groups.
  package var logitsAtOnce = 64 << 20
  package init() {}
}

/// Losses of a batch, summed over its counted targets.
package struct LossSum: Sendable, Equatable {
  /// What training makes small, in nats.
  package var total: Double
  /// −log p(target), in nats; of pairs of answers, −log p(the chosen one is preferred).
  package var negativeLogLikelihood: Double
  /// Targets, or pairs.
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

/// Output projection and cross-entropy in one: logits exist for a few rows at a time, forward and
/// backward.
///
///     loss = Σ over t of factor[t] · crossEntropy(x[t] · weightᵀ, target[t])
///
/// - Parameters: x `[T, C]`; weight `[V, C]`; a row with a negative target is not counted and not
///   computed; rowFactors `[T]`, nil is 1; a teacher changes the loss, see there; logitsMemory is
///   for the group of logits, nil: scratch
/// - Parameter gradients: dx `[T, C]` is overwritten, the weight's gradient, if it has one, added
///   to, both with factor `scale`; nil computes the loss alone; dx may be x where products are bf16
/// - Parameter eachRow: is told −log p(target) of every counted row, in order of rows
/// - Source: the gradient of the softmax, see `cross_entropy` in `template_training.h`
package func crossEntropy(
  _ x: Tensor, weight: LinearWeight, targets: [Int32], options: LossOptions,
  rowFactors: [Float]? = nil, teacher: Teacher? = nil,
  gradients: (dx: Tensor, scale: Float)?, scratch: Workspace, logitsMemory: Workspace? = nil,
  in context: ComputeContext,
  eachRow: ((_ row: Int, _ negativeLogLikelihood: Double) -> Void)? = nil
) -> LossSum {
  let logitsMemory = logitsMemory ?? scratch
  let marks = (scratch.mark(), logitsMemory.mark())
  defer {
    logitsMemory.release(to: marks.1)
    scratch.release(to: marks.0)
  }
  let terms = RowTerms(
    options: options, scale: gradients?.scale, distillation: teacher?.options,
    gradientForm: RowTerms.GradientForm(weight: weight, in: context), context: context)
  let all = CountedRows(
    x: x, targets: targets, factors: rowFactors, teacher: teacher, dx: gradients?.dx)
  guard targets.contains(where: { $0 < 0 }) else {
    return all.losses(
      weight: weight, terms: terms, scratch: scratch, logitsMemory: logitsMemory, eachRow: eachRow)
  }
  let counted = targets.indices.filter { targets[$0] >= 0 }
  let few = all.chosen(counted, scratch: scratch, in: context)
  gradients?.dx.clear()
  guard !counted.isEmpty else { return LossSum() }
  let result = few.losses(
    weight: weight, terms: terms, scratch: scratch, logitsMemory: logitsMemory,
    eachRow: eachRow.map { tell in { tell(counted[$0], $1) } })
  if let some = few.dx, let dx = gradients?.dx {
    context.forEachRow(counted.count) { row in
      dx.row(counted[row]).update(from: some.row(row), count: dx.stride)
    }
  }
  return result
}

/// Rows of a batch that all have a target.
private struct CountedRows {
  let x: Tensor
  let targets: [Int32]
  let factors: [Float]?
  let teacher: Teacher?
  let dx: Tensor?

  /// Copies of some of the rows, with a dx of their own.
  func chosen(_ rows: [Int], scratch: Workspace, in context: ComputeContext) -> CountedRows {
    CountedRows(
      x: x.chosen(rows, scratch: scratch, in: context), targets: rows.map { targets[$0] },
      factors: factors.map { factors in rows.map { factors[$0] } },
      teacher: teacher?.chosen(rows, scratch: scratch),
      dx: dx.map { scratch.tensor(rows: rows.count, columns: $0.columns) })
  }

  /// Losses, and with dx gradients, of all rows.
  func losses(
    weight: LinearWeight, terms: RowTerms, scratch: Workspace, logitsMemory: Workspace,
    eachRow: ((Int, Double) -> Void)?
  ) -> LossSum {
    let context = terms.context
    let forms = weight.operandForms(floats: weight.gradient != nil, in: context)
    let size = groupSize(vocabulary: weight.outputs, terms.options)
    let logits = logitsMemory.tensor(rows: min(size, x.rows), columns: weight.outputs)
    var result = LossSum()
    for first in stride(from: 0, to: x.rows, by: size) {
      let group = first..<min(first + size, x.rows)
      let part = logits.matrix(rows: 0..<group.count)
      let mark = scratch.mark()
      let taught = teacher?.logits(of: group, scratch: scratch)
      let input = PreparedRows(x.matrix(rows: group), forms, memory: .slot(.input), in: context)
      multiply(
        LeftOperand(input), [Product(right: weight.transposedOperand, c: part)],
        accumulate: false, in: context)
      result += terms.losses(
        logits, taught, targets: targets[group], factors: factors?[group], eachRow: eachRow)
      scratch.release(to: mark)
      guard let dx else { continue }
      let gradients =
        switch terms.gradientForm {
        case .integers: PreparedRows(coded: part)
        case .narrow: PreparedRows(narrowed: part)
        case .wide: PreparedRows(part, forms, memory: .slot(.rows), in: context)
        }
      productBackward(
        gradients, input: input, weight: weight, into: dx.matrix(rows: group), accumulate: false,
        in: context)
    }
    return result
  }

  /// Rows whose logits exist at once.
  private func groupSize(vocabulary: Int, _ options: LossOptions) -> Int {
    let atOnce = teacher == nil ? options.logitsAtOnce : options.logitsAtOnce / 2
    let fitting = max(16, atOnce / Tensor.padded(vocabulary)) / 16 * 16
    let groups = (x.rows + fitting - 1) / fitting
    return ((x.rows + groups - 1) / groups + 15) / 16 * 16
  }
}

extension Tensor {
  /// A copy of some rows.
  func chosen(_ rows: [Int], scratch: Workspace, in context: ComputeContext) -> Tensor {
    let result = scratch.tensor(rows: rows.count, columns: columns)
    context.forEachRow(rows.count) { index in
      result.row(index).update(from: row(rows[index]), count: stride)
    }
    return result
  }
}
