import GPTOps

extension Transformer {
  /// The same weights with adapters on top; nothing is copied.
  ///
  /// - Parameter adapters: made for this model's configuration; `scale` is a factor on an adapter's
  ///   own, and several add up
  package func adapted(by adapters: [(adapter: Adapter, scale: Float)]) -> Transformer {
    var additions: [Place: [LinearAdapter]] = [:]
    var count = adapterCount
    for (adapter, scale) in adapters {
      for layer in adapter.layers {
        precondition(
          blocks.indices.contains(layer.block) && configuration.uses(layer.target.tensor),
          "an adapter of \(layer.target) in block \(layer.block)")
        additions[Place(block: layer.block, target: layer.target), default: []].append(
          LinearAdapter(
            down: layer.down, up: layer.up, scale: layer.scale * scale,
            dropout: adapter.options.dropout, index: count))
        count += 1
      }
    }
    let adaptedBlocks = blocks.map { block in
      block.mapLayers { target, linear in
        Linear(
          weight: linear.weight, bias: linear.bias,
          adapters: linear.adapters
            + additions[Place(block: block.index, target: target), default: []])
      }
    }
    return Transformer(
      configuration: configuration, cacheType: cacheType, context: context,
      tokenEmbedding: tokenEmbedding, positionEmbedding: positionEmbedding, blocks: adaptedBlocks,
      outputNorm: outputNorm, output: output, largePages: largePages)
  }

  private struct Place: Hashable {
    let block: Int
    let target: AdapterTarget
  }

  private var adapterCount: Int {
    blocks.reduce(0) { $0 + $1.layers.reduce(0) { $0 + $1.adapters.count } }
  }
}

extension Block {
  /// The linear layers in the order of the forward pass.
  var layers: [Linear] {
    [query, key, value, attentionOutput] + [gate].compactMap { $0 } + [up, down]
  }

  /// The block with each linear layer replaced.
  func mapLayers(_ change: (AdapterTarget, Linear) -> Linear) -> Block {
    Block(
      index: index, attentionNorm: attentionNorm, query: change(.query, query),
      key: change(.key, key), value: change(.value, value),
      attentionOutput: change(.attentionOutput, attentionOutput),
      feedForwardNorm: feedForwardNorm, gate: gate.map { change(.gate, $0) },
      up: change(.up, up), down: change(.down, down))
  }
}
