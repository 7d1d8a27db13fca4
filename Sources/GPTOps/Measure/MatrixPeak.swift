import GPTTensor

/// Operations a second of a large product in the context's precision: what a training step or a
/// long prompt could reach if it were nothing else.
package func measureMatrixPeak(in context: ComputeContext) -> Double {
  let (rows, depth, columns) = (1024, 1024, 1024)
  let x = Tensor(rows: rows, columns: depth)
  let w = Tensor(rows: columns, columns: depth)
  let y = Tensor(rows: rows, columns: columns)
  for tensor in [x, w] {
    tensor.pointer.update(repeating: 0.01, count: tensor.rows * tensor.stride)
  }
  let seconds = shortestTime(of: 8) {
    multiply(x.matrix, w.matrix.transposed, into: y.matrix, in: context)
  }
  return 2 * Double(rows * depth * columns) / seconds
}

/// Operations a second of a product with 8-bit codes on both sides, with as many rows as are
/// multiplied in that form and weights that stay in the cache.
///
/// - Parameter context: not of fp32 precision, which keeps rows wide
package func measureQuantisedPeak(in context: ComputeContext) -> Double {
  measurePackedPeak(rows: smallRowCount, repetitions: 64, in: context)
}

/// Operations a second of a large product of rows in 16 bits with 8-bit codes.
///
/// - Parameter context: one that multiplies so
func measureInt16Peak(in context: ComputeContext) -> Double {
  precondition(context.multipliesInt16, "a peak of 16 bits where there is none")
  return measurePackedPeak(rows: 1024, repetitions: 1, in: context)
}

/// Of a quantised weight that stays in the cache.
private func measurePackedPeak(rows: Int, repetitions: Int, in context: ComputeContext) -> Double {
  precondition(context.precision != .fp32, "a peak of integers in fp32")
  let (depth, columns) = (512, 1024)
  let weight = PackedMatrix(
    outputs: columns, inputs: depth,
    format: .quantised(bits: 8, subBlockLength: 32, affine: false, zero: 128))
  let x = Tensor(rows: rows, columns: depth)
  x.pointer.update(repeating: 0.01, count: rows * x.stride)
  let y = Tensor(rows: rows, columns: columns)
  let linear = Linear(weight: .packed(weight), bias: nil)
  let scratch = Workspace()
  let seconds = shortestTime(of: 8) {
    for _ in 0..<repetitions {
      project(RowSource(x), [(linear, y)], scratch: scratch, in: context)
    }
  }
  return 2 * Double(repetitions * rows * depth * columns) / seconds
}

/// Seconds of the fastest of `count` calls.
func shortestTime(of count: Int, _ body: () -> Void) -> Double {
  let clock = ContinuousClock()
  var best = Double.infinity
  for _ in 0..<count {
    let start = clock.now
    body()
    best = min(best, (clock.now - start) / .seconds(1))
  }
  return best
}
