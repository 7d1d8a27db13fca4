internal import GPT
internal import GPTJSON
internal import GPTModel

/// `gpt bench --profile`: where the time of a prompt and of decoding goes.
enum BenchProfile {
  static func report(_ command: BenchCommand, _ model: LanguageModel) async throws -> BenchReport {
    let profile = try await model.profile(
      prompt: model.spreadTokens(command.promptTokens),
      context: model.spreadTokens(max(1, command.depth)), generateTokens: command.generateTokens)
    let parts = [("prefill", profile.prompt), ("decode", profile.decode)].filter {
      $0.1.tokenCount > 0
    }
    var table = TextTable()
    table.add(["µs a token"] + parts.flatMap { [$0.0, "%"] })
    for (index, stage) in PassProfile.Stage.allCases.enumerated() {
      table.add([stage.title] + parts.flatMap { cells($0.1.stages[index].seconds, of: $0.1) })
    }
    table.add(["all stages"] + parts.flatMap { cells($0.1.coverage * $0.1.seconds, of: $0.1) })
    table.add(["whole"] + parts.flatMap { cells($0.1.seconds, of: $0.1) })
    return BenchReport(
      members: command.setting(model) + parts.map { ($0.0, json($0.1)) }, lines: table.lines)
  }

  private static func cells(_ seconds: Double, of part: GenerationProfile.Part) -> [String] {
    [
      (seconds * 1e6 / Double(part.tokenCount)).rounded(to: 1),
      (seconds / part.seconds * 100).rounded(to: 1),
    ]
  }

  private static func json(_ part: GenerationProfile.Part) -> JSONValue {
    let stages = part.stages.map { ($0.stage.name, JSONValue.number($0.seconds)) }
    return JSONValue(members: [
      ("tokens", .integer(part.tokenCount)), ("seconds", .number(part.seconds)),
      ("coverage", .number(part.coverage)), ("stage_seconds", JSONValue(members: stages)),
    ])
  }
}

extension PassProfile.Stage {
  fileprivate var title: String {
    switch self {
    case .embedding: "embedding"
    case .queryKeyValue: "norm, queries, keys, values"
    case .attention: "attention"
    case .attentionOutput: "attention output"
    case .gateUp: "norm, gate and up"
    case .down: "activation, down"
    case .output: "norm, output layer"
    case .sampling: "sampling"
    }
  }

  fileprivate var name: String {
    switch self {
    case .embedding: "embedding"
    case .queryKeyValue: "query_key_value"
    case .attention: "attention"
    case .attentionOutput: "attention_output"
    case .gateUp: "gate_up"
    case .down: "down"
    case .output: "output"
    case .sampling: "sampling"
    }
  }
}
