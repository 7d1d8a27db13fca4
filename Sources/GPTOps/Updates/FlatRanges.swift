package import GPTTensor

extension Tensor {
  /// Floats behind the tensor, the zeros that pad its rows included: a multiple of 16.
  package var flatCount: Int { rows * stride }
}

extension Parameter {
  /// The gradient, which a parameter under training has.
  package var preparedGradient: Tensor {
    guard let gradient else { preconditionFailure("\(name) has no gradient prepared") }
    return gradient
  }

  /// A state of the optimizer lies beside the value element by element.
  func checkLayout(of state: Tensor) {
    precondition(
      state.rows == value.rows && state.columns == value.columns,
      "\(name) is [\(value.rows), \(value.columns)], its state [\(state.rows), \(state.columns)]")
  }
}

extension ComputeContext {
  /// Ranges that a pass over all parameters is split into at most: plenty for any number of
  /// threads to share, few enough for a partial sum each to lie on the stack.
  static let flatRangeLimit = 128
  /// Floats that a range has at least, where there are as many: less does not pay for a thread.
  static let flatRangeFloats = 4096

  /// Calls `body(range, index, elements)` for all elements of the parameters laid end to end, in
  /// one parallel region, whatever their sizes.
  ///
  /// The ranges depend on the sizes alone, never on the number of threads: one partial result a
  /// range, combined in order, is the same bit for bit on any number. Allocates nothing.
  ///
  /// - Parameter body: `elements` of parameter `index`, as offsets from its value's pointer, that
  ///   lie in one of the ranges; a range runs in order on one thread.
  package func forEachFlatRange(
    of parameters: [Parameter], _ body: (Int, Int, Range<Int>) -> Void
  ) {
    runFlatRanges(parameters.count, { parameters[$0].value.flatCount }, body)
  }

  /// The same for one tensor: `body(range, elements)`.
  package func forEachFlatRange(of tensor: Tensor, _ body: (Int, Range<Int>) -> Void) {
    runFlatRanges(1, { _ in tensor.flatCount }, { range, _, elements in body(range, elements) })
  }

  private func runFlatRanges(
    _ count: Int, _ flatCount: (Int) -> Int, _ body: (Int, Int, Range<Int>) -> Void
  ) {
    var vectors = 0
    for index in 0..<count { vectors += flatCount(index) / 16 }
    let ranges = min(
      ComputeContext.flatRangeLimit, max(1, vectors * 16 / ComputeContext.flatRangeFloats))
    pool.run(ranges) { range, _ in
      let wanted = ComputeContext.range(of: range, chunks: ranges, count: vectors)
      var start = 0
      for index in 0..<count where start < wanted.upperBound {
        let end = start + flatCount(index) / 16
        let found = wanted.clamped(to: start..<end)
        if !found.isEmpty {
          body(range, index, (found.lowerBound - start) * 16..<(found.upperBound - start) * 16)
        }
        start = end
      }
    }
  }
}
