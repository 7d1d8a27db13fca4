import CKernels
import GPTTensor

/// What makes losses and gradients of rows of logits.
struct RowTerms {
  let options: LossOptions
  /// Factor of all gradients; nil: the loss alone.
  let scale: Float?
  let distillation: DistillationOptions?
  /// What the logits' gradients become in their own places.
  let gradientForm: GradientForm
  let context: ComputeContext

  enum GradientForm { case wide, narrow, integers }

  /// Losses added up in order of rows; the logits become their gradients, in the form that
  /// products take (`PreparedRows.init(narrowed:)`, `init(coded:)`); the teacher's are used up.
  ///
  /// - Parameter eachRow: is told −log p(target) of every row, counted as the targets are
  func losses(
    _ logits: Tensor, _ taught: Tensor?, targets: ArraySlice<Int32>, factors: ArraySlice<Float>?,
    eachRow: ((Int, Double) -> Void)?
  ) -> LossSum {
    let first = targets.startIndex
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * targets.count) { losses in
      guard let base = losses.baseAddress else { return LossSum() }
      nonisolated(unsafe) let places = base
      context.forEachRow(targets.count) { row, worker in
        places[2 * row] = loss(
          logits, taught, row: row, target: targets[first + row],
          factor: factors.map { $0[first + row] } ?? 1, likelihood: places + 2 * row + 1)
        if scale != nil { convert(logits, row: row, worker) }
      }
      var result = LossSum()
      for row in 0..<targets.count {
        result += LossSum(
          total: base[2 * row], negativeLogLikelihood: base[2 * row + 1], count: 1)
        eachRow?(first + row, base[2 * row + 1])
      }
      return result
    }
  }

  private func loss(
    _ logits: Tensor, _ taught: Tensor?, row: Int, target: Int32, factor: Float,
    likelihood: UnsafeMutablePointer<Double>
  ) -> Double {
    let kernels = context.kernels
    let (own, columns) = (logits.row(row), logits.columns)
    let slope = (scale ?? 0) * factor
    let share = taught == nil ? 0 : distillation?.weight ?? 0
    var divergence = 0.0
    if let taught, let distillation, share > 0 {
      divergence = kernels.pointee.distillation(
        own, taught.row(row), Int32(columns), distillation.temperature, slope * share)
    }
    let ownSlope = slope * (1 - share)
    let entropy = kernels.pointee.cross_entropy(
      own, Int32(columns), target, options.labelSmoothing, options.zLoss, ownSlope, likelihood)
    // The kernels leave logits whose gradient has the factor 0.
    if scale != nil, ownSlope == 0 { own.update(repeating: 0, count: logits.stride) }
    guard let taught, share > 0 else { return Double(factor) * entropy }
    if slope * share != 0 { kernels.pointee.add(own, taught.row(row), own, columns) }
    return Double(factor) * (Double(1 - share) * entropy + Double(share) * divergence)
  }

  /// Rounds a row in its own place: while it is in the cache, and without memory for a second form
  /// of all rows.
  private func convert(_ logits: Tensor, row: Int, _ worker: Int) {
    switch gradientForm {
    case .wide: break
    case .narrow: narrow(logits, row: row, worker)
    case .integers:
      let target = IntegerRows(replacing: logits.matrix)
      let count = IntegerRows.blockCount(logits.columns)
      let scales = context.pool.scratch(worker: worker, byteCount: 4 * count)
        .assumingMemoryBound(to: Float.self)
      // The codes of a block lie before what is yet to be read, the scales do not.
      context.kernels.pointee.code_row(
        logits.row(row), Int32(logits.stride), target.codes + row * target.codeStride, scales)
      (target.scales + row * target.scaleStride).update(from: scales, count: count)
    }
  }

  private func narrow(_ logits: Tensor, row: Int, _ worker: Int) {
    let count = (logits.columns + 31) & ~31
    let scratch = context.pool.scratch(worker: worker, byteCount: 2 * count)
      .assumingMemoryBound(to: UInt16.self)
    let stored = min(count, logits.stride)
    context.kernels.pointee.to_bf16(logits.row(row), scratch, stored)
    for index in stored..<count { scratch[index] = 0 }
    UnsafeMutableRawPointer(logits.row(row)).copyMemory(from: scratch, byteCount: 2 * count)
  }
}

extension RowTerms.GradientForm {
  init(weight: LinearWeight, in context: ComputeContext) {
    let forms = weight.operandForms(floats: weight.gradient != nil, in: context)
    if forms == .integers, IntegerRows.fitsIn(columns: weight.outputs) {
      self = .integers
    } else {
      self = forms == .floats && context.multipliesNarrow ? .narrow : .wide
    }
  }
}
