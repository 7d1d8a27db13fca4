import CKernels
package import GPTTensor

/// y ← a · x + b · z, all of one shape; y may be x or z.
package func weightedSum(
  _ a: Float, _ x: Tensor, _ b: Float, _ z: Tensor, into y: Tensor, in context: ComputeContext
) {
  precondition(
    x.rows == y.rows && z.rows == y.rows && x.columns == y.columns && z.columns == y.columns,
    "[\(x.rows), \(x.columns)] and [\(z.rows), \(z.columns)] into [\(y.rows), \(y.columns)]")
  context.forEachFlatRange(of: y) { _, range in
    let first = range.lowerBound
    context.kernels.pointee.weighted_sum(
      a, x.pointer + first, b, z.pointer + first, y.pointer + first, range.count)
  }
}

/// An exponential moving average of every parameter's value, in one pass.
///
///     average ← decay · average + (1 − decay) · value
///
/// - Source: Polyak & Juditsky 1992 (SIAM J. Control Optim. 30), with exponential weights
package func movingAverageUpdate(
  _ averages: [Tensor], towards parameters: [Parameter], decay: Double, in context: ComputeContext
) {
  precondition(parameters.count == averages.count)
  context.forEachFlatRange(of: parameters) { _, index, range in
    parameters[index].checkLayout(of: averages[index])
    let average = averages[index].pointer + range.lowerBound
    context.kernels.pointee.weighted_sum(
      Float(decay), average, Float(1 - decay), parameters[index].value.pointer + range.lowerBound,
      average, range.count)
  }
}
