internal import ArgumentParser
internal import GPTJSON
internal import GPTModel
internal import GPTOps
internal import GPTTraining

extension TrainingBenchmark.Configuration: ExpressibleByArgument {}

/// What `gpt bench --train` measures.
struct TrainBenchmarkArguments: ParsableArguments {
  @Option(help: "Shape of the model.") var configuration = TrainingBenchmark.Configuration.baby
  @Option(help: "Tokens of a sequence.") var sequenceLength: Int?
  @Option(help: "Sequences of a step (default: 12 for baby, 4 for gpt2).") var batchSize: Int?
  @Option(help: "Steps to measure.") var steps = 10

  func validate() throws {
    for (name, value) in [
      ("sequence-length", sequenceLength), ("batch-size", batchSize), ("steps", steps),
    ] {
      if let value, !(1...65_536).contains(value) {
        throw ValidationError("--\(name) must be 1 to 65536.")
      }
    }
  }

  func run(computing: ComputingArguments) async throws -> [(String, JSONValue)] {
    let interruption = Interruption()
    let precision = computing.precision
    let threads = computing.threads ?? ComputeContext.availableThreadCount
    let context = try ComputeContext(
      threadCount: threads, precision: Precision(rawValue: precision.rawValue) ?? .automatic)
    let length = sequenceLength ?? configuration.defaultLength
    let count = batchSize ?? configuration.defaultSequenceCount
    let (configuration, steps) = (configuration, steps)
    let result = try await interruption.guarding {
      try TrainingBenchmark(
        configuration, length: length, sequenceCount: count, context: context
      ).run(steps: steps, isCancelled: { Task.isCancelled }) { step in
        if step % 5 == 0 { StandardError.print("step \(step) of \(steps)") }
      }
    }
    return [
      ("configuration", .string(configuration.rawValue)),
      ("parameters", .integer(result.parameterCount)),
      ("sequence_length", .integer(length)), ("batch_size", .integer(count)),
      ("precision", .string(context.multipliesNarrow ? "bf16" : "fp32")),
      ("kernels", .string(context.level.rawValue)), ("threads", .integer(threads)),
      ("steps", .integer(steps)), ("tokens_per_second", .number(result.tokensPerSecond)),
      ("model_flops_utilisation", .number(result.modelUtilisation)),
      ("matrix_peak_flops", .number(result.matrixPeak)),
      ("peak_bytes", .integer(try ProcessMemory.peakBytes())),
      ("first_loss", .number(result.firstLoss)), ("loss", .number(result.lastLoss)),
      ("buffers_after_first_step", .integer(result.buffersAfterFirstStep)),
    ]
  }

  static func report(_ members: [(String, JSONValue)], json: Bool) throws {
    guard json else {
      for (name, value) in members {
        let padding = String(repeating: " ", count: max(1, 26 - name.count))
        let text = value.string ?? value.double.map { $0.rounded(to: value.integer == nil ? 4 : 0) }
        try StandardOutput.shared.writeLine(name + padding + (text ?? ""))
      }
      return
    }
    try StandardOutput.shared.writeLine(JSONValue(members: members).encoded())
  }
}
