package import GPTOps
package import GPTTensor

/// √(sum over all gradients of g²), in double precision: what clipping by the global norm compares.
///
/// Bit-equal for any number of threads. NaN or infinite when a gradient is.
///
/// - Source: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1
package func gradientNorm(_ parameters: [Parameter], in context: ComputeContext) -> Double {
  sumOfSquares(ofGradients: parameters, in: context).squareRoot()
}
