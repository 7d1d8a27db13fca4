import CKernels
package import GPTTensor

/// The sum over a tensor's elements of x², in double precision.
///
/// Bit-equal on every kernel level and for any number of threads.
package func sumOfSquares(of x: Tensor, in context: ComputeContext) -> Double {
  withPartialSums { sums in
    context.forEachFlatRange(of: x) { range, elements in
      sums[range] += context.kernels.pointee.sum_of_squares(
        x.pointer + elements.lowerBound, elements.count)
    }
  }
}

/// The same over the elements of all gradients, in one pass.
package func sumOfSquares(
  ofGradients parameters: [Parameter], in context: ComputeContext
) -> Double {
  withPartialSums { sums in
    context.forEachFlatRange(of: parameters) { range, index, elements in
      sums[range] += context.kernels.pointee.sum_of_squares(
        parameters[index].preparedGradient.pointer + elements.lowerBound, elements.count)
    }
  }
}

/// The sum, in order, of what `body` leaves in a place a flat range.
private func withPartialSums(_ body: (UnsafeMutableBufferPointer<Double>) -> Void) -> Double {
  withUnsafeTemporaryAllocation(of: Double.self, capacity: ComputeContext.flatRangeLimit) { sums in
    sums.initialize(repeating: 0)
    body(sums)
    return sums.reduce(0, +)
  }
}
