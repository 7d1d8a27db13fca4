package import GPTTensor

/// The adapter of one linear layer.
package struct AdapterLayer: Sendable {
  package let block: Int
  package let target: AdapterTarget
  /// A `[rank, inputs]`
  package let down: Parameter
  /// B `[outputs, rank]`
  package let up: Parameter
  /// Factor on up · down · x.
  package let scale: Float

  package init(
    block: Int, target: AdapterTarget, down: Parameter, up: Parameter, scale: Float
  ) {
    self.block = block
    self.target = target
    self.down = down
    self.up = up
    self.scale = scale
  }

  /// A layer whose parameters have their usual names, "blocks.3.query.adapterDown" and
  /// ".adapterUp".
  package init(block: Int, target: AdapterTarget, down: Tensor, up: Tensor, scale: Float) {
    func parameter(_ part: String, _ value: Tensor) -> Parameter {
      Parameter(name: "blocks.\(block).\(target.rawValue).\(part)", value: value, decays: true)
    }
    self.init(
      block: block, target: target, down: parameter("adapterDown", down),
      up: parameter("adapterUp", up), scale: scale)
  }
}

/// Low-rank additions to the linear layers of a model (LoRA, Hu et al. 2021, arXiv:2106.09685).
package struct Adapter: Sendable {
  package let options: AdapterOptions
  /// At most one for each layer of the model.
  package let layers: [AdapterLayer]

  /// An adapter that was loaded.
  package init(options: AdapterOptions, layers: [AdapterLayer]) {
    self.options = options
    self.layers = layers
  }

  /// A new adapter, which changes nothing yet: down uniform in ±1 / √inputs, up zeros.
  ///
  /// - Parameter seed: every layer has a random sequence of its own out of it
  /// - Source: PEFT's LoraLayer, Kaiming uniform with a = √5 (He et al. 2015, arXiv:1502.01852)
  package init(options: AdapterOptions, configuration: ModelConfiguration, seed: UInt64) {
    var layers: [AdapterLayer] = []
    for block in 0..<configuration.blockCount {
      for target in AdapterTarget.allCases
      where options.targets.contains(target) && configuration.uses(target.tensor) {
        let shape = configuration.shape(of: target.tensor)
        let down = Tensor(rows: options.rank, columns: shape[1])
        var random = NormalNumbers(seed: seed, stream: UInt64(layers.count))
        let bound = 1 / Double(shape[1]).squareRoot()
        for row in 0..<down.rows {
          for column in 0..<down.columns {
            down.row(row)[column] = Float((2 * random.nextUniform() - 1) * bound)
          }
        }
        layers.append(
          AdapterLayer(
            block: block, target: target, down: down,
            up: Tensor(rows: shape[0], columns: options.rank), scale: options.scale))
      }
    }
    self.init(options: options, layers: layers)
  }

  /// Down and up of every layer.
  package var parameters: [Parameter] { layers.flatMap { [$0.down, $0.up] } }
}
