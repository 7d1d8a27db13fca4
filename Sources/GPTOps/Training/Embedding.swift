import CKernels
package import GPTTensor

/// x[t] = tokens[id of t] (+ positions[place of t]).
///
/// - Parameters: tokens `[V, C]`, positions `[T, C]`, x `[B · T, C]`; ids are below V, places
///   below T
package func embed(
  _ ids: [Int32], places: [Int32], tokens: Tensor, positions: Tensor?, into x: Tensor,
  in context: ComputeContext
) {
  ids.withUnsafeBufferPointer { ids in
    context.forEachRow(x.rows) { row in
      let source = tokens.row(Int(ids[row]))
      guard let positions else { return x.row(row).update(from: source, count: x.stride) }
      context.kernels.pointee.add(
        source, positions.row(Int(places[row])), x.row(row), x.stride)
    }
  }
}

/// Backward of `embed`: rows of dx are added to the gradients of the rows they came from.
///
/// Work is split over columns, so that rows are added in order whatever the number of threads.
package func embedBackward(
  _ dx: Tensor, ids: [Int32], places: [Int32], tokens: Parameter, positions: Parameter?,
  in context: ComputeContext
) {
  let panels = dx.stride / 16
  let size = max(1, min(8, panels / (2 * context.pool.threadCount)))
  ids.withUnsafeBufferPointer { ids in
    context.pool.run((panels + size - 1) / size) { chunk, _ in
      let first = 16 * chunk * size
      let count = min(16 * size, dx.stride - first)
      let add = context.kernels.pointee.add
      for row in 0..<dx.rows {
        let source = dx.row(row) + first
        if let gradient = tokens.gradient {
          let target = gradient.row(Int(ids[row])) + first
          add?(target, source, target, count)
        }
        if let gradient = positions?.gradient {
          let target = gradient.row(Int(places[row])) + first
          add?(target, source, target, count)
        }
      }
    }
  }
}
