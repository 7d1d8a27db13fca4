internal import GPT
internal import GPTJSON
internal import GPTModel
internal import GPTOps

/// Figures of a model beside what the machine gives at most.
struct BenchLimits {
  let limits: MachineLimits
  let cost: PassCost
  private let precision: Precision

  /// Measures the machine as the model uses it; nil for models without weights.
  init?(beside model: LanguageModel) throws(ComputeError) {
    guard let transformer = model.transformer else { return nil }
    let computing = transformer.computing
    limits = try MachineLimits.measure(
      threadCount: computing.threadCount, level: computing.level)
    cost = transformer.cost
    precision = computing.precision
  }

  /// Operations a second of a prompt as a share of the fastest product.
  func promptShare(tokenCount: Int, tokensPerSecond: Double) -> Double {
    let seconds = Double(tokenCount) / tokensPerSecond
    return cost.promptOperations(tokenCount: tokenCount) / seconds / limits.matrixPeak(precision)
  }

  /// Bytes a second that decoding reads as a share of memory's bandwidth.
  ///
  /// - Parameter depth: on average, of a sequence
  func decodeShare(depth: Double, sequenceCount: Int = 1, tokensPerSecond: Double) -> Double {
    cost.decodeBytes(depth: depth, sequenceCount: sequenceCount) * tokensPerSecond
      / limits.readBandwidth
  }

  var json: JSONValue {
    JSONValue(members: [
      ("threads", .integer(limits.threadCount)),
      ("read_bytes_per_second_of_one_thread", .number(limits.readBandwidthOfOneThread)),
      ("read_bytes_per_second", .number(limits.readBandwidth)),
      ("fp32_operations_per_second", .number(limits.fp32Peak)),
      ("bf16_operations_per_second", limits.bf16Peak.map { .number($0) } ?? .null),
      ("int16_operations_per_second", limits.int16Peak.map { .number($0) } ?? .null),
      ("int8_operations_per_second", .number(limits.int8Peak)),
      ("weight_bytes", .integer(cost.weightBytes)),
      ("key_value_bytes_per_token", .integer(cost.keyValueBytesPerToken)),
    ])
  }

  var rows: [(String, String)] {
    let bf16 = limits.bf16Peak.map { "\($0.billions("op/s")) in bf16, " } ?? ""
    let int16 = limits.int16Peak.map { "\($0.billions("op/s")) in 16-bit integers, " } ?? ""
    return [
      (
        "memory read",
        "\(limits.readBandwidthOfOneThread.billions("B/s")) by one thread, "
          + "\(limits.readBandwidth.billions("B/s")) by \(limits.threadCount)"
      ),
      (
        "matrix peak",
        "\(limits.fp32Peak.billions("op/s")) in fp32, \(bf16)\(int16)"
          + "\(limits.int8Peak.billions("op/s")) in 8 bits (few rows)"
      ),
    ]
  }
}
