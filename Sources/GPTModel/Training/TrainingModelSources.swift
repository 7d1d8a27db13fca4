package import GPTOps
import GPTTensor
import GPTWeights

extension TrainingModel {
  /// A new model with random parameters out of `seed`.
  package convenience init(
    configuration: ModelConfiguration, options: TrainingModelOptions, context: ComputeContext,
    seed: UInt64
  ) {
    let made = ParameterSet.model(configuration, in: context)
    ParameterInitialiser(configuration: configuration, seed: seed).fill(made.all)
    self.init(
      transformer: made.transformer, parameters: made.all, modelParameters: made.all,
      trained: TrainedShare(), options: options)
  }

  /// A model of a folder or .gguf file with its weights as fp32 parameters, all of them or the last
  /// blocks' to be trained.
  ///
  /// - Throws: for missing and misshapen tensors, and for a number of blocks that the model lacks.
  package convenience init(
    loading source: TrainingSource, trainable: TrainablePart, options: TrainingModelOptions,
    context: ComputeContext
  ) throws(ModelError) {
    let configuration = source.configuration
    let stored = try StoredParameters(source.checkpoint)
    var trained = TrainedShare()
    if case .lastBlocks(let count) = trainable {
      guard (1...configuration.blockCount).contains(count) else {
        throw .configuration(
          location: source.checkpoint.source.location, key: "the number of blocks to train",
          found: "\(count)", expected: "1…\(configuration.blockCount)")
      }
      trained.firstBlock = configuration.blockCount - count
      trained.hasEmbeddings = false
    }
    let made = ParameterSet.model(configuration, in: context)
    stored.copy(to: made.all)
    let names = Set(trained.parameterNames(configuration))
    let isWhole = trained.hasEmbeddings
    self.init(
      transformer: made.transformer,
      parameters: isWhole ? made.all : made.all.filter { names.contains($0.name) },
      modelParameters: made.all, trained: trained, options: options)
  }

  /// An adapter over a model that stays as it was opened, quantised weights included; nothing of it
  /// is copied.
  ///
  /// - Parameter adapter: made for this model's configuration, not empty
  package convenience init(
    adapting model: OpenedModel, adapter: Adapter, options: TrainingModelOptions
  ) {
    self.init(adapting: model.transformer, adapter: adapter, options: options)
  }

  package convenience init(
    adapting base: Transformer, adapter: Adapter, options: TrainingModelOptions
  ) {
    var trained = TrainedShare()
    trained.firstBlock = adapter.layers.map(\.block).min() ?? base.blocks.count
    trained.hasEmbeddings = false
    trained.hasMatrices = false
    trained.adapterParameterCount = adapter.parameters.reduce(0) { $0 + $1.elementCount }
    self.init(
      transformer: base.adapted(by: [(adapter: adapter, scale: 1)]), base: base,
      parameters: adapter.parameters, modelParameters: [], trained: trained, options: options)
  }
}

extension TrainedShare {
  /// The parameters of the trained blocks and the final norm.
  fileprivate func parameterNames(_ configuration: ModelConfiguration) -> [String] {
    let blocks = (firstBlock..<configuration.blockCount).flatMap { index in
      BlockTensor.allCases.map { $0.parameterName(block: index) }
    }
    return blocks + [ModelTensor.outputNormGain, .outputNormBias].map(\.parameterName)
  }
}

extension ParameterSet {
  /// A model of parameters that hold zeros.
  fileprivate static func model(
    _ configuration: ModelConfiguration, in context: ComputeContext
  ) -> (transformer: Transformer, all: [Parameter]) {
    var set = ParameterSet(configuration)
    let tokens = set.make(.tokenEmbedding)
    let positions = configuration.position == .learned ? set.make(.positionEmbedding) : nil
    let blocks = (0..<configuration.blockCount).map { set.block($0) }
    let outputNorm = set.outputNorm()
    let output = configuration.tiedOutput ? tokens : set.make(.output)
    let transformer = Transformer(
      configuration: configuration, cacheType: .f32, context: context,
      tokenEmbedding: .parameter(tokens), positionEmbedding: positions.map { .parameter($0) },
      blocks: blocks, outputNorm: outputNorm,
      output: Linear(weight: .parameter(output), bias: nil))
    return (transformer, set.all)
  }
}
