package import GPTModel
package import GPTTensor

/// An adapter in PEFT's layout.
package struct SavedAdapter: SavedModel {
  let adapter: Adapter
  /// Of the model that it is for.
  let configuration: ModelConfiguration
  let baseName: String

  package var kind: SavedKind { .adapter }
  package var parameters: [Parameter] { adapter.parameters }

  package init(_ adapter: Adapter, _ configuration: ModelConfiguration, baseName: String) {
    self.adapter = adapter
    self.configuration = configuration
    self.baseName = baseName
  }

  package func write(dtype: DType, to folder: String) throws(TrainingError) {
    do {
      try saveAdapter(
        adapter, configuration: configuration, baseName: baseName, dtype: dtype, to: folder)
    } catch { throw .model(error) }
  }

  package func open(_ folder: String) throws(TrainingError) -> () -> Void {
    let stored: Adapter
    do { stored = try loadAdapter(from: folder, configuration: configuration) } catch {
      throw .model(error)
    }
    var pairs: [(source: Tensor, target: Tensor)] = []
    for layer in adapter.layers {
      guard
        let found = stored.layers.first(where: {
          $0.block == layer.block && $0.target == layer.target
        }), Self.fits(found.down, layer.down), Self.fits(found.up, layer.up),
        found.scale == layer.scale
      else {
        throw .invalid(
          location: folder, found: "an adapter of another shape",
          expected: "rank \(layer.down.value.rows) for \(layer.target.rawValue) of block "
            + "\(layer.block), as the run has it")
      }
      pairs += [(found.down.value, layer.down.value), (found.up.value, layer.up.value)]
    }
    return {
      for (source, target) in pairs {
        for row in 0..<target.rows {
          target.row(row).update(from: source.row(row), count: target.columns)
        }
      }
    }
  }

  private static func fits(_ left: Parameter, _ right: Parameter) -> Bool {
    left.value.rows == right.value.rows && left.value.columns == right.value.columns
  }
}
