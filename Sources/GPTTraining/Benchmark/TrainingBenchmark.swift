package import GPTModel
package import GPTOps
import GPTTensor

/// Training steps on random tokens, measured: forward, backward, clipping and AdamW.
package struct TrainingBenchmark {
  /// Shapes that peers are compared on.
  package enum Configuration: String, Sendable, CaseIterable {
    case baby, gpt2

    /// Length and count of sequences when nothing else is asked for.
    package var defaultLength: Int { 256 }
    package var defaultSequenceCount: Int { self == .baby ? 12 : 4 }

    fileprivate func model(length: Int) throws(ModelError) -> ModelConfiguration {
      switch self {
      case .baby:
        try ModelShape(
          family: .gpt2, blockCount: 6, width: 384, headCount: 6, contextLength: length
        ).configuration(vocabularySize: 4096)
      case .gpt2:
        try ModelShape(
          family: .gpt2, blockCount: 12, width: 768, headCount: 12, contextLength: length
        ).configuration(vocabularySize: 50257)
      }
    }
  }

  package struct Result: Sendable {
    /// Parameters that are trained.
    package let parameterCount: Int
    package let tokensPerSecond: Double
    /// Useful operations a second as a share of `matrixPeak`.
    package let modelUtilisation: Double
    /// Operations a second of a large matrix product, measured here.
    package let matrixPeak: Double
    package let firstLoss: Double
    package let lastLoss: Double
    /// Buffers made by the steps after the first: none, if all is well.
    package let buffersAfterFirstStep: Int
  }

  private let model: TrainingModel
  private let optimizer: any Optimizer
  private let batch: TokenBatch

  package init(
    _ configuration: Configuration, length: Int, sequenceCount: Int, context: ComputeContext
  ) throws(ModelError) {
    self.init(
      TrainingModel(
        configuration: try configuration.model(length: length), options: Self.modelOptions,
        context: context, seed: 1),
      length: length, sequenceCount: sequenceCount)
  }

  /// A new adapter over a model as it was opened, which stays as it is.
  ///
  /// - Throws: for sequences that do not fit the model's context.
  package init(
    adapting model: OpenedModel, adapter options: AdapterOptions, length: Int, sequenceCount: Int
  ) throws(ModelError) {
    let contextLength = model.configuration.contextLength
    guard length <= contextLength else {
      throw .contextExceeded(tokenCount: length, contextLength: contextLength)
    }
    let adapter = Adapter(options: options, configuration: model.configuration, seed: 1)
    self.init(
      TrainingModel(adapting: model, adapter: adapter, options: Self.modelOptions),
      length: length, sequenceCount: sequenceCount)
  }

  private static var modelOptions: TrainingModelOptions {
    var options = TrainingModelOptions()
    options.stepsAreOneBatch = true
    return options
  }

  private init(_ model: TrainingModel, length: Int, sequenceCount: Int) {
    self.model = model
    optimizer = makeOptimizer(OptimizerOptions(), parameters: model.parameters)
    let size = model.configuration.vocabularySize
    let ids = (0...length * sequenceCount).map {
      Int32(UInt64($0) &* 2_654_435_761 % UInt64(size))
    }
    batch = TokenBatch(
      sequenceCount: sequenceCount, length: length, inputs: Array(ids.dropLast()),
      targets: Array(ids.dropFirst()))
  }

  package var context: ComputeContext { model.context }

  /// - Parameter didStep: told the number of each step after it
  package func run(
    steps: Int, isCancelled: () -> Bool = { false }, didStep: (Int) -> Void = { _ in }
  ) throws(TrainingError) -> Result {
    let peak = measureMatrixPeak(in: model.context)
    let clock = ContinuousClock()
    var losses: [Double] = []
    var seconds: [Double] = []
    // What a first step does once: memory for activations, moments and operands.
    losses.append(try step(1))
    let buffers = AlignedBuffer.allocationCount
    for index in 0..<steps {
      if isCancelled() { throw .interrupted }
      let start = clock.now
      losses.append(try step(index + 2))
      seconds.append((clock.now - start) / .seconds(1))
      didStep(index + 1)
    }
    let median = seconds.sorted()[seconds.count / 2]
    let rate = Double(batch.inputs.count) / median
    return Result(
      parameterCount: model.parameters.reduce(0) { $0 + $1.elementCount },
      tokensPerSecond: rate,
      modelUtilisation: rate * model.operationsPerToken(length: batch.length) / peak,
      matrixPeak: peak, firstLoss: losses[0], lastLoss: losses[losses.count - 1],
      buffersAfterFirstStep: AlignedBuffer.allocationCount - buffers)
  }

  private func step(_ index: Int) throws(TrainingError) -> Double {
    let context = model.context
    model.zeroGradients()
    let loss: LossSum
    do {
      loss = try model.accumulateGradients(
        batch, scale: 1 / Float(batch.targetCount), dropoutKey: 0)
    } catch { throw .model(error) }
    let norm = gradientNorm(model.parameters, in: context)
    optimizer.update(
      model.parameters, learningRate: 3e-4, step: index,
      gradientScale: Float(min(1, 1 / max(norm, 1e-12))), in: context)
    return loss.total / Double(loss.count)
  }
}
