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

/// A decoder with parameters to train, its own or an adapter's: trained through a tape, run through
/// the same blocks.
///
/// Not safe for use by two threads at once.
package final class TrainingModel: TrainableModel {
  package let configuration: ModelConfiguration
  package let options: TrainingModelOptions
  package let context: ComputeContext
  /// Those that are trained.
  package let parameters: [Parameter]
  /// All of the model's weights, the frozen ones too, as `saveModel` asks for them; none when they
  /// are packed.
  package let modelParameters: [Parameter]
  /// The model as it is run; it sees every change of the parameters.
  package let transformer: Transformer
  /// The model without the adapter that is trained.
  private let base: Transformer
  private let trained: TrainedShare
  private var isAdapterOff = false
  /// Tokens of the parts that a batch is taken in; nil: it is one.
  private let tokensAtOnce: Int?
  private let tape = Tape()
  private let kept = Workspace()
  private let blockMemory: BlockMemory
  private var stepMemory: StepMemory?
  private let scratch = Workspace()
  private var rotary: (length: Int, table: RotaryTable?)?

  init(
    transformer: Transformer, base: Transformer? = nil, parameters: [Parameter],
    modelParameters: [Parameter], trained: TrainedShare, options: TrainingModelOptions
  ) {
    configuration = transformer.configuration
    context = transformer.context
    self.transformer = transformer
    self.base = base ?? transformer
    self.parameters = parameters
    self.modelParameters = modelParameters
    self.trained = trained
    self.options = options
    let blocks = transformer.blocks.indices[trained.firstBlock...].map { index in
      parameters.filter { $0.name.hasPrefix("blocks.\(index).") }
    }
    blockMemory = BlockMemory(
      blocks, firstBlock: trained.firstBlock,
      // Adapters' gradients are too small to matter, and frozen blocks have none.
      sharesGradients: trained.hasEmbeddings && options.stepsAreOneBatch
        && !options.checkpointsActivations,
      context: context)
    tokensAtOnce =
      TrainingModel.keepsFrozenPanels(of: transformer, trained: trained)
      ? TrainingModel.tokensInCache : nil
    let inBlocks = Set(blocks.joined().map(ObjectIdentifier.init))
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
    var sum = LossSum()
    for (index, part) in parts(of: batch).enumerated() {
      // The factor is odd, so that no two parts drop the same.
      let key = dropoutKey &+ UInt64(index) &* 0xd1b5_4a32_d192_ed03
      sum += try accumulateGradients(part, dropoutKey: key) { rows, dx in
        loss(of: rows, part, options: options.loss, gradients: (dx: dx, scale: scale))
      }
    }
    return sum
  }

  /// Adds the gradients of any loss of what the output layer reads.
  ///
  /// - Parameter loss: is given these rows `[B · T, C]` and overwrites dx, their gradient, which may
  ///   lie in their place
  func accumulateGradients(
    _ batch: TokenBatch, dropoutKey: UInt64, loss: (_ rows: Tensor, _ dx: Tensor) -> LossSum
  ) throws(ModelError) -> LossSum {
    try check(batch)
    let active = memory(rows: batch.inputs.count)
    blockMemory.prepareLastBlock(in: active?.lastBlock)
    var pass = makePass(batch)
    pass.tape = tape
    pass.active = active?.active
    pass.dropout = ForwardPass.DropoutPlan(
      attention: options.attentionDropout, residual: options.residualDropout,
      usesAdapters: true, key: dropoutKey)
    pass.keepsOperands = tokensAtOnce != nil && active == nil
    defer { release() }
    let x = forward(batch, pass: pass)
    let normalised = kept.tensor(rows: x.rows, columns: x.columns)
    transformer.outputNorm.rows(x, in: context).write(to: normalised, in: context)
    let gradient =
      active == nil ? kept.tensor(rows: x.rows, columns: x.columns) : normalised
    let result = loss(normalised, gradient)
    blockMemory.beginBackward()
    transformer.outputNorm.backward(
      gradient, x: x, into: tape.gradient(of: x), scratch: scratch, in: context)
    tape.backward()
    return result
  }

  package func evaluate(_ batch: TokenBatch) throws(ModelError) -> LossSum {
    var sum = LossSum()
    for part in parts(of: batch) {
      sum += try withOutputRows(part) { rows in
        loss(of: rows, part, options: LossOptions(), gradients: nil)
      }
    }
    return sum
  }

  private func parts(of batch: TokenBatch) -> [TokenBatch] {
    guard let tokensAtOnce else { return [batch] }
    return batch.parts(sequenceCount: max(1, tokensAtOnce / batch.length))
  }

  /// Runs the model without dropout; `body` gets what the output layer reads, `[B · T, C]`.
  func withOutputRows<Result>(
    _ batch: TokenBatch, _ body: (Tensor) throws(ModelError) -> Result
  ) throws(ModelError) -> Result {
    try check(batch)
    defer { release() }
    let x = forward(batch, pass: makePass(batch))
    transformer.outputNorm.rows(x, in: context).write(to: x, in: context)
    return try body(x)
  }

  /// The loss of what the output layer reads.
  func loss(
    of rows: Tensor, _ batch: TokenBatch, options: LossOptions, teacher: Teacher? = nil,
    gradients: (dx: Tensor, scale: Float)?, eachRow: ((Int, Double) -> Void)? = nil
  ) -> LossSum {
    let memory = memory(rows: batch.inputs.count)
    var options = options
    if let memory { options.logitsAtOnce = memory.logitsAtOnce }
    if tokensAtOnce != nil { options.logitsAtOnce = TrainingModel.logitsInCache }
    return crossEntropy(
      rows, weight: transformer.output.weight, targets: batch.targets, options: options,
      teacher: teacher, gradients: gradients, scratch: scratch, logitsMemory: memory?.logits,
      in: context, eachRow: eachRow)
  }

  /// What a batch's activations, of so many rows, share with its logits; nil: they do not rest.
  private func memory(rows: Int) -> StepMemory? {
    guard
      context.multipliesNarrow, !options.checkpointsActivations,
      configuration.restsActivationsNarrow(tokenCount: rows, above: options.restingBytes)
    else { return nil }
    if let stepMemory, stepMemory.rows >= rows { return stepMemory }
    let memory = StepMemory(configuration, rows: rows, lastBlock: blockMemory.lastBlock)
    tape.place(in: memory.activationGradients)
    stepMemory = memory
    return memory
  }

  /// Calls `body`, within which evaluation runs the model as it was before the adapter: the
  /// reference of preference tuning.
  package func withAdapterOff<Result>(
    _ body: () throws(ModelError) -> Result
  ) throws(ModelError) -> Result {
    let before = isAdapterOff
    isAdapterOff = true
    defer { isAdapterOff = before }
    return try body()
  }

  /// Whether an adapter is all that learns.
  var trainsAdapterAlone: Bool { !trained.hasMatrices }

  package func operationsPerToken(length: Int) -> Double {
    configuration.trainingOperationsPerToken(length: length, trained: trained)
  }

  private func makePass(_ batch: TokenBatch) -> ForwardPass {
    if rotary?.length != batch.length {
      rotary = (batch.length, transformer.rotaryTable(Array(0..<batch.length)))
    }
    var table = rotary?.table
    if batch.segmentStarts != nil { table?.rows = batch.positions }
    return ForwardPass(
      configuration: configuration, context: context,
      memory: .sequences(
        SequenceShape(
          count: batch.sequenceCount, length: batch.length, firstVisible: batch.segmentStarts)),
      rotary: table, kept: kept, insides: kept, scratch: scratch)
  }

  private func release() {
    kept.release(to: 0)
    scratch.release(to: 0)
  }

  /// The blocks' output `[B · T, C]`; the tape begins with what is trained.
  private func forward(_ batch: TokenBatch, pass: ForwardPass) -> Tensor {
    var plain = pass
    plain.tape = nil
    var x = embed(batch, pass: pass)
    let blocks = isAdapterOff ? base.blocks : transformer.blocks
    for block in blocks[..<trained.firstBlock] { x = block.forward(x, pass: plain) }
    if !trained.hasEmbeddings { pass.tape?.begin(after: x) }
    for block in blocks[trained.firstBlock...] {
      x = forward(block, x, pass: pass)
    }
    return x
  }

  /// What a block makes of x, and with a tape what its backward needs, in the memory of its own.
  private func forward(_ block: Block, _ x: Tensor, pass: ForwardPass) -> Tensor {
    guard let tape = pass.tape else { return block.forward(x, pass: pass) }
    if options.checkpointsActivations { return pass.checkpointed(block, x) }
    var own = pass
    own.kept = blockMemory.workspace(ofBlock: block.index)
    own.insides = own.kept
    tape.record { [blockMemory] in blockMemory.release(block: block.index) }
    return block.forward(x, pass: own)
  }

  private func embed(_ batch: TokenBatch, pass: ForwardPass) -> Tensor {
    let x = kept.tensor(rows: batch.inputs.count, columns: configuration.width)
    let tokens = transformer.tokenEmbedding.parameter
    let positions = transformer.positionEmbedding?.parameter
    let places = batch.positions
    if let tokens {
      GPTOps.embed(
        batch.inputs, places: places, tokens: tokens.value, positions: positions?.value, into: x,
        in: context)
    } else {
      transformer.embed(batch.inputs[...], positions: places.map(Int.init), into: x)
    }
    guard let tape = pass.tape else { return x }
    let dropped =
      options.embeddingDropout > 0
      ? Dropout(
        probability: options.embeddingDropout, key: Dropout.key(pass.dropout.key, -1)) : nil
    if let dropped { drop(x, dropped, into: x, in: context) }
    guard trained.hasEmbeddings, let tokens else { return x }
    tape.record { [context] in
      let gradient = tape.take(x)
      if let dropped { drop(gradient, dropped, into: gradient, in: context) }
      embedBackward(
        gradient, ids: batch.inputs, places: places, tokens: tokens, positions: positions,
        in: context)
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
