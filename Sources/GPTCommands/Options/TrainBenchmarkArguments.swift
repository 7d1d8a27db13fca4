internal import ArgumentParser
internal import GPTJSON
internal import GPTModel
internal import GPTOps
internal import GPTTensor
internal import GPTTraining

extension TrainingBenchmark.Configuration: ExpressibleByArgument {}

/// What `gpt bench --train` and `gpt bench --finetune` measure.
struct TrainBenchmarkArguments: ParsableArguments {
  @Option(help: "Shape of the model of --train.")
  var configuration = TrainingBenchmark.Configuration.baby
  @Option(help: "Rank of the adapter of --finetune.") var loraRank = AdapterOptions().rank
  @Option(help: "Tokens of a sequence (default: 256, with --finetune 512).")
  var sequenceLength: Int?
  @Option(help: "Sequences of a step (default: 12 for baby, otherwise 4).") var batchSize: Int?
  @Option(help: "Steps to measure.") var steps = 10

  private static let finetuneLength = 512
  private static let finetuneSequenceCount = 4

  func validate() throws {
    for (name, value) in [
      ("sequence-length", sequenceLength), ("batch-size", batchSize), ("steps", steps),
    ] {
      if let value, !(1...65_536).contains(value) {
        throw ValidationError("--\(name) must be 1 to 65536.")
      }
    }
    guard (1...1024).contains(loraRank) else {
      throw ValidationError("--lora-rank must be 1 to 1024.")
    }
  }

  /// A model with random weights.
  func train(computing: ComputingArguments) async throws -> [(String, JSONValue)] {
    let options = modelOptions(computing)
    let length = sequenceLength ?? configuration.defaultLength
    let count = batchSize ?? configuration.defaultSequenceCount
    let configuration = configuration
    return [("configuration", .string(configuration.rawValue))]
      + (try await measure(length: length, count: count, precision: \.floatProducts) {
        let context = try ComputeContext(
          threadCount: options.threadCount ?? ComputeContext.availableThreadCount,
          precision: options.precision)
        return try TrainingBenchmark(
          configuration, length: length, sequenceCount: count, context: context)
      })
  }

  /// An adapter over the model at `path`.
  func finetune(
    _ path: String, computing: ComputingArguments
  ) async throws -> [(String, JSONValue)] {
    let options = modelOptions(computing)
    let length = sequenceLength ?? Self.finetuneLength
    let count = batchSize ?? Self.finetuneSequenceCount
    var adapter = AdapterOptions()
    adapter.rank = loraRank
    adapter.alpha = 2 * Double(loraRank)
    let chosen = adapter
    return [("model", .string(path)), ("lora_rank", .integer(loraRank))]
      + (try await measure(length: length, count: count, precision: \.quantisedProducts) {
        try TrainingBenchmark(
          adapting: try OpenedModel.open(path: path, options: options), adapter: chosen,
          length: length, sequenceCount: count)
      })
  }

  private func modelOptions(_ computing: ComputingArguments) -> ModelOptions {
    var options = ModelOptions()
    options.threadCount = computing.threads
    options.precision = computing.precision.whileTraining
    options.contextLength = computing.contextLength
    return options
  }

  private func measure(
    length: Int, count: Int, precision: any KeyPath<ComputeContext, Precision> & Sendable,
    _ make: @escaping @Sendable () throws -> TrainingBenchmark
  ) async throws -> [(String, JSONValue)] {
    let interruption = Interruption()
    let steps = steps
    return try await interruption.guarding {
      let benchmark = try make()
      let context = benchmark.context
      let result = try benchmark.run(steps: steps, isCancelled: { Task.isCancelled }) { step in
        if step % 5 == 0 { StandardError.print("step \(step) of \(steps)") }
      }
      return [
        ("parameters", .integer(result.parameterCount)),
        ("sequence_length", .integer(length)), ("batch_size", .integer(count)),
        ("precision", .string(context[keyPath: precision].rawValue)),
        ("kernels", .string(context.level.rawValue)),
        ("threads", .integer(context.pool.threadCount)),
        ("steps", .integer(steps)), ("tokens_per_second", .number(result.tokensPerSecond)),
        ("model_flops_utilisation", .number(result.modelUtilisation)),
        ("matrix_peak_flops", .number(result.matrixPeak)),
        ("peak_bytes", .integer(try ProcessMemory.peakBytes())),
        ("first_loss", .number(result.firstLoss)), ("loss", .number(result.lastLoss)),
        ("buffers_after_first_step", .integer(result.buffersAfterFirstStep)),
      ]
    }
  }
}
