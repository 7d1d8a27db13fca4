import GPTOps
import GPTTensor
import GPTWeights

/// Builds a transformer from a checkpoint: first every tensor is found and its shape checked, then
/// weights are packed or left where they are.
struct TransformerLoader {
  let checkpoint: Checkpoint
  let context: ComputeContext
  let cacheType: CacheType
  private let packer: WeightPacker

  private var configuration: ModelConfiguration { checkpoint.configuration }

  /// - Parameter keepsBlocks: quantised weights stay as their file holds them, where products take
  ///   them so
  init(
    checkpoint: Checkpoint, context: ComputeContext, cacheType: CacheType, keepsBlocks: Bool
  ) {
    self.checkpoint = checkpoint
    self.context = context
    self.cacheType = cacheType
    let source = checkpoint.source
    let bytes = source.tensorNames.reduce(0) { $0 + (source.tensor(named: $1)?.bytes.count ?? 0) }
    packer = WeightPacker(
      context: context, keepsBlocks: keepsBlocks, region: BufferRegion(pieceBytes: bytes))
  }

  /// - Parameter other: done while weights are packed, on one of the threads
  func load(beside other: () -> Void) throws(ModelError) -> Transformer {
    try checkAllTensors()
    let embedding = try checkpoint.tensor(.tokenEmbedding)
    let outputTensor = configuration.tiedOutput ? embedding : try checkpoint.tensor(.output)
    let output = linear(outputTensor, bias: nil)
    var blocks: [Block] = []
    blocks.reserveCapacity(configuration.blockCount)
    for index in 0..<configuration.blockCount { blocks.append(try block(index)) }
    let transformer = Transformer(
      configuration: configuration, cacheType: cacheType, context: context,
      tokenEmbedding: .stored(embedding),
      positionEmbedding: configuration.position == .learned
        ? .stored(try checkpoint.tensor(.positionEmbedding)) : nil,
      blocks: blocks,
      outputNorm: norm(
        gain: try checkpoint.tensor(.outputNormGain),
        bias: configuration.normalisation == .layerNorm
          ? try checkpoint.tensor(.outputNormBias) : nil),
      output: output,
      largePages: LargePageMove(
        packer.stillMemory(of: blocks.flatMap(\.layers) + [output])))
    packer.run(beside: other)
    return transformer
  }

  /// Reports a missing or misshapen tensor before time and memory go into packing.
  private func checkAllTensors() throws(ModelError) {
    let layout = TensorLayout(configuration: configuration, names: checkpoint.names)
    for entry in layout.entries { _ = try checkpoint.tensor(entry.place) }
  }

  private func block(_ index: Int) throws(ModelError) -> Block {
    let (query, key, value) = try attentionInputs(index)
    let gate: Linear? =
      configuration.feedForward == .gatedSilu ? try matrix(.gate, bias: nil, block: index) : nil
    return Block(
      index: index,
      attentionNorm: try norm(.attentionNormGain, .attentionNormBias, block: index),
      query: query, key: key, value: value,
      attentionOutput: try matrix(.attentionOutput, bias: .attentionOutputBias, block: index),
      feedForwardNorm: try norm(.feedForwardNormGain, .feedForwardNormBias, block: index),
      gate: gate,
      up: try matrix(.up, bias: .upBias, block: index),
      down: try matrix(.down, bias: .downBias, block: index))
  }

  private func attentionInputs(_ index: Int) throws(ModelError) -> (Linear, Linear, Linear) {
    let queries = configuration.headCount * configuration.headWidth
    let keys = configuration.keyValueHeadCount * configuration.headWidth
    guard checkpoint.names.block[.queryKeyValue] != nil else {
      let width = checkpoint.names.interleavedHeads ? configuration.headWidth : nil
      return (
        try matrix(.query, bias: .queryBias, block: index, interleavedHeadWidth: width),
        try matrix(.key, bias: .keyBias, block: index, interleavedHeadWidth: width),
        try matrix(.value, bias: .valueBias, block: index)
      )
    }
    let tensor = try checkpoint.tensor(.queryKeyValue, block: index)
    let bias = try checkpoint.bias(.queryKeyValueBias, block: index)
    let parts = [(0, queries), (queries, keys), (queries + keys, keys)].map { first, count in
      Linear(
        weight: packer.weight(
          tensor, rows: RowSelection(first: first, count: count),
          transposed: checkpoint.names.transposed),
        bias: bias.map { Parameter($0.name, packer.vector($0, range: first..<first + count)) })
    }
    return (parts[0], parts[1], parts[2])
  }

  private func matrix(
    _ name: BlockTensor, bias: BlockTensor?, block index: Int, interleavedHeadWidth: Int? = nil
  ) throws(ModelError) -> Linear {
    let bias = if let bias { try checkpoint.bias(bias, block: index) } else { StoredTensor?.none }
    return linear(
      try checkpoint.tensor(name, block: index), bias: bias,
      transposed: checkpoint.names.transposed, interleavedHeadWidth: interleavedHeadWidth)
  }

  private func linear(
    _ tensor: StoredTensor, bias: StoredTensor?, transposed: Bool = false,
    interleavedHeadWidth: Int? = nil
  ) -> Linear {
    let rows = RowSelection(
      count: transposed ? tensor.columnCount : tensor.rowCount,
      interleavedHeadWidth: interleavedHeadWidth)
    let weight = packer.weight(tensor, rows: rows, transposed: transposed)
    let vector = bias.map { bias in
      let values = packer.vector(bias)
      guard interleavedHeadWidth != nil else { return Parameter(bias.name, values) }
      let ordered = Tensor(rows: 1, columns: rows.count)
      for output in 0..<rows.count {
        ordered.pointer[output] = values.pointer[rows.storedRow(of: output)]
      }
      return Parameter(bias.name, ordered)
    }
    return Linear(weight: weight, bias: vector)
  }

  private func norm(_ gain: BlockTensor, _ bias: BlockTensor, block index: Int)
    throws(ModelError) -> Norm
  {
    norm(
      gain: try checkpoint.tensor(gain, block: index),
      bias: configuration.normalisation == .layerNorm
        ? try checkpoint.tensor(bias, block: index) : nil)
  }

  private func norm(gain: StoredTensor, bias: StoredTensor?) -> Norm {
    Norm(
      kind: configuration.normalisation, epsilon: configuration.normEpsilon,
      gain: Parameter(gain.name, packer.vector(gain)),
      bias: bias.map { Parameter($0.name, packer.vector($0)) })
  }
}

extension Parameter {
  /// A vector of a model that is only run.
  fileprivate convenience init(_ name: String, _ vector: Tensor) {
    self.init(name: name, value: vector, decays: false)
  }
}
