import GPTTensor

extension SourceModel {
  /// Puts adapters into the weights as they are read: W + Σ scale · B · A.
  ///
  /// - Parameter adapters: made for this model's configuration, each with a factor on its own scale
  /// - Source: Hu et al. 2021, arXiv:2106.09685, section 4.1
  package mutating func merge(_ adapters: [(adapter: Adapter, scale: Float)]) {
    var additions: [String: [Addition]] = [:]
    for (adapter, scale) in adapters {
      for layer in adapter.layers {
        let name = layer.target.tensor.parameterName(block: layer.block)
        let shape = shape(of: name)
        precondition(
          shape?.rows == layer.up.value.rows && shape?.columns == layer.down.value.columns,
          "an adapter that does not fit '\(name)'")
        additions[name, default: []].append(Addition(layer: layer, scale: layer.scale * scale))
      }
    }
    adjustedParameters = Set(additions.keys)
    adjust = { parameter, rows, values, stride in
      for addition in additions[parameter] ?? [] {
        for row in rows { addition.add(row: row, to: values + (row - rows.lowerBound) * stride) }
      }
    }
  }
}

private struct Addition {
  let layer: AdapterLayer
  let scale: Float

  /// values[i] += scale · Σ over k of B[row, k] · A[k, i]
  func add(row: Int, to values: UnsafeMutablePointer<Float>) {
    let (up, down) = (layer.up.value.row(row), layer.down.value)
    for rank in 0..<down.rows {
      let factor = scale * up[rank]
      let source = down.row(rank)
      for index in 0..<down.columns { values[index] += factor * source[index] }
    }
  }
}
