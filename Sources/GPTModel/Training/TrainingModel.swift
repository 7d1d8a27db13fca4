package import GPTOps
package import GPTTensor

/// What training adds to a model's forward pass.
package struct TrainingModelOptions: Sendable, Equatable {
  package var labelSmoothing: Float = 0
  package var zLoss: Float = 0
  package var attentionDropout: Float = 0
  package var residualDropout: Float = 0
  package var embeddingDropout: Float = 0
  /// Keep only the inputs of blocks and compute their insides again in backward: less memory for a
  /// third more work.
  package var checkpointsActivations = false
  /// Every step is one batch, so that gradients may lie where activations were.
  package var stepsAreOneBatch = false
  /// Activations of more than so many bytes in fp32 rest in bf16 until backward reads them, where
  /// products round to it anyway.
  package var restingBytes = ModelConfiguration.restingBytes
  package init() {}

  var loss: LossOptions {
    var options = LossOptions()
    options.labelSmoothing = labelSmoothing
    options.zLoss = zLoss
    return options
  }
}

/// A decoder whose weights are parameters: trained through a tape, run through the same blocks.
///
/// Not safe for use by two threads at once.
package final class TrainingModel: TrainableModel {
  package let configuration: ModelConfiguration
  package let options: TrainingModelOptions
  package let context: ComputeContext
  package let parameters: [Parameter]
  /// The model as it is run; it sees every change of the parameters.
  package let transformer: Transformer
  private let outputWeight: Parameter
  private let tape = Tape()
  private let kept = Workspace()
  /// What a block's backward reads but for the residual stream, as forward computes it.
  private let insides = Workspace()
  private let blockMemory: BlockMemory
  private let scratch = Workspace()
  private var rotary: (length: Int, table: RotaryTable?)?

  /// A new model with random parameters out of `seed`.
  package init(
    configuration: ModelConfiguration, options: TrainingModelOptions, context: ComputeContext,
    seed: UInt64
  ) {
    self.configuration = configuration
    self.options = options
    self.context = context
    var set = ParameterSet(configuration)
    let tokens = set.make(.tokenEmbedding)
    let positions = configuration.position == .learned ? set.make(.positionEmbedding) : nil
    var blocks: [Block] = []
    var blockParameters: [[Parameter]] = []
    for index in 0..<configuration.blockCount {
      let first = set.all.count
      blocks.append(set.block(index))
      blockParameters.append(Array(set.all[first...]))
    }
    let outputNorm = set.outputNorm()
    outputWeight = configuration.tiedOutput ? tokens : set.make(.output)
    parameters = set.all
    transformer = Transformer(
      configuration: configuration, cacheType: .f32, context: context,
      tokenEmbedding: .parameter(tokens), positionEmbedding: positions.map { .parameter($0) },
      blocks: blocks, outputNorm: outputNorm,
      output: Linear(weight: .parameter(outputWeight), bias: nil))
    ParameterInitialiser(configuration: configuration, seed: seed).fill(parameters)
    blockMemory = BlockMemory(
      blockParameters,
      sharesGradients: options.stepsAreOneBatch && !options.checkpointsActivations,
      context: context)
    let inBlocks = Set(blockParameters.joined().map(ObjectIdentifier.init))
    for parameter in parameters where !inBlocks.contains(ObjectIdentifier(parameter)) {
      parameter.prepareGradient()
    }
  }

  package func zeroGradients() {
    GPTOps.zeroGradients(parameters.filter { !blockMemory.clears($0) }, in: context)
  }

  package func accumulateGradients(
    _ batch: TokenBatch, scale: Float, dropoutKey: UInt64
  ) throws(ModelError) -> LossSum {
    try check(batch)
    var pass = makePass(batch)
    pass.tape = tape
    pass.dropout = ForwardPass.DropoutPlan(
      attention: options.attentionDropout, residual: options.residualDropout, key: dropoutKey)
    defer { release() }
    let x = forward(batch, pass: pass)
    let normalised = kept.tensor(rows: x.rows, columns: x.columns)
    transformer.outputNorm.rows(x, in: context).write(to: normalised, in: context)
    let gradient = kept.tensor(rows: x.rows, columns: x.columns)
    let loss = crossEntropy(
      normalised, weight: outputWeight, targets: batch.targets, options: options.loss,
      gradients: (dx: gradient, scale: scale), scratch: scratch, in: context)
    transformer.outputNorm.backward(
      gradient, x: x, into: tape.gradient(of: x), scratch: scratch, in: context)
    tape.backward()
    return loss
  }

  package func evaluate(_ batch: TokenBatch) throws(ModelError) -> LossSum {
    try check(batch)
    defer { release() }
    let x = forward(batch, pass: makePass(batch))
    transformer.outputNorm.rows(x, in: context).write(to: x, in: context)
    return crossEntropy(
      x, weight: outputWeight, targets: batch.targets, options: LossOptions(), gradients: nil,
      scratch: scratch, in: context)
  }

  package func operationsPerToken(length: Int) -> Double {
    configuration.trainingOperationsPerToken(length: length)
  }

  private func makePass(_ batch: TokenBatch) -> ForwardPass {
    if rotary?.length != batch.length {
      rotary = (batch.length, transformer.rotaryTable(Array(0..<batch.length)))
    }
    return ForwardPass(
      configuration: configuration, context: context,
      memory: .sequences(SequenceShape(count: batch.sequenceCount, length: batch.length)),
      rotary: rotary?.table, kept: kept, insides: kept, scratch: scratch)
  }

  private func release() {
    kept.release(to: 0)
    scratch.release(to: 0)
  }

  /// The blocks' output `[B · T, C]`.
  private func forward(_ batch: TokenBatch, pass: ForwardPass) -> Tensor {
    var x = embed(batch, pass: pass)
    let restsNarrow =
      context.multipliesNarrow
      && configuration.restsActivationsNarrow(
        tokenCount: x.rows, above: options.restingBytes)
    for block in transformer.blocks {
      guard let tape = pass.tape else {
        x = block.forward(x, pass: pass)
        continue
      }
      if options.checkpointsActivations {
        x = pass.checkpointed(block, x)
        continue
      }
      var own = pass
      own.kept = blockMemory.workspace(ofBlock: block.index)
      tape.record { [blockMemory] in blockMemory.release(block: block.index) }
      if restsNarrow {
        x = own.resting(block, x, insides: insides)
      } else {
        own.insides = own.kept
        x = block.forward(x, pass: own)
      }
    }
    return x
  }

  private func embed(_ batch: TokenBatch, pass: ForwardPass) -> Tensor {
    let x = kept.tensor(rows: batch.inputs.count, columns: configuration.width)
    guard let tokens = transformer.tokenEmbedding.parameter else { return x }
    let positions = transformer.positionEmbedding?.parameter
    GPTOps.embed(
      batch.inputs, tokens: tokens.value, positions: positions?.value,
      sequenceLength: batch.length, into: x, in: context)
    guard let tape = pass.tape else { return x }
    let dropped =
      options.embeddingDropout > 0
      ? Dropout(
        probability: options.embeddingDropout, key: Dropout.key(pass.dropout.key, -1)) : nil
    if let dropped { drop(x, dropped, into: x, in: context) }
    tape.record { [context] in
      let gradient = tape.take(x)
      if let dropped { drop(gradient, dropped, into: gradient, in: context) }
      embedBackward(
        gradient, ids: batch.inputs, tokens: tokens, positions: positions,
        sequenceLength: batch.length, in: context)
      tape.recycle(gradient)
    }
    return x
  }

  private func check(_ batch: TokenBatch) throws(ModelError) {
    guard batch.length <= configuration.contextLength else {
      throw .contextExceeded(
        tokenCount: batch.length, contextLength: configuration.contextLength)
    }
    for token in batch.inputs
    where token < 0 || Int(token) >= configuration.vocabularySize {
      throw .invalidToken(id: token, vocabularySize: configuration.vocabularySize)
    }
    for token in batch.targets where Int(token) >= configuration.vocabularySize {
      throw .invalidToken(id: token, vocabularySize: configuration.vocabularySize)
    }
  }
}
