internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct InfoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show what a model is and what it takes.",
    discussion: """
      Of a folder with a LoRA adapter it shows what that is. With --adapter it also checks that \
      the adapters fit the model.

      EXAMPLES:
        gpt info model.gguf
        gpt info runs/polarity/adapter
        gpt info smollm2-135m-instruct --json
      """)

  @Argument(help: "Model folder, .gguf file, name of a model in the cache, or adapter folder.")
  var model: String?
  @OptionGroup var adapters: AdapterArguments
  @OptionGroup var computing: ComputingArguments
  @Flag(help: "Write one JSON object.") var json = false

  func run() async throws {
    if let model, AdapterInformation.isAdapter(at: model) {
      let information = try AdapterInformation(at: model)
      return try show(information.rows, information.members)
    }
    let references = adapters.references
    let information = try await computing.open(model, adapters: references).information
    var (rows, members) = (information.rows, information.members)
    if !references.isEmpty {
      let added = try references.map { ($0.scale, try AdapterInformation(at: $0.path)) }
      for (scale, adapter) in added {
        rows += adapter.rows.map { ("adapter \($0.0)", $0.1) } + [("adapter scale", "\(scale)")]
      }
      let list = added.map { scale, adapter in
        JSONValue(members: adapter.members + [("scale", JSONValue(shortest: scale))])
      }
      members.append(("adapters", .array(list)))
    }
    try show(rows, members)
  }

  private func show(_ rows: [(String, String)], _ members: [(String, JSONValue)]) throws {
    if json { return try StandardOutput.shared.writeLine(JSONValue(members: members).encoded()) }
    let width = max(16, (rows.map(\.0.count).max() ?? 0) + 1)
    for (name, value) in rows {
      let padding = String(repeating: " ", count: width - name.count)
      try StandardOutput.shared.writeLine(Escaping.line(name + padding + value))
    }
  }
}

extension ModelInformation {
  fileprivate var rows: [(String, String)] {
    var rows = [
      ("path", path), ("architecture", architecture), ("name", name ?? "—"),
      ("parameters", "\((Double(parameterCount) / 1e6).rounded(to: 1)) million"),
      ("weights", megabytes(storedBytes)), ("vocabulary", "\(vocabularySize)"),
      ("tokenizer", tokenizer), ("chat template", hasChatTemplate ? "yes" : "no"),
      ("context", "\(contextLength) tokens"),
      ("blocks", "\(blockCount) of width \(width), hidden \(hiddenWidth)"),
      ("heads", "\(headCount) of width \(headWidth), \(keyValueHeadCount) for keys and values"),
    ]
    for type in storedTypes {
      rows.append(
        ("stored \(type.name)", "\(type.tensorCount) tensors, \(megabytes(type.byteCount))"))
    }
    for memory in contextMemory {
      rows.append(("cache memory", "\(megabytes(memory.byteCount)) at \(memory.tokenCount) tokens"))
    }
    return rows
  }

  fileprivate var members: [(String, JSONValue)] {
    [
      ("path", .string(path)), ("architecture", .string(architecture)),
      ("name", JSONValue(optional: name)), ("parameters", .integer(parameterCount)),
      ("stored_bytes", .integer(storedBytes)), ("vocabulary_size", .integer(vocabularySize)),
      ("tokenizer", .string(tokenizer)), ("chat_template", .boolean(hasChatTemplate)),
      ("context_length", .integer(contextLength)), ("blocks", .integer(blockCount)),
      ("width", .integer(width)), ("hidden_width", .integer(hiddenWidth)),
      ("heads", .integer(headCount)), ("key_value_heads", .integer(keyValueHeadCount)),
      ("head_width", .integer(headWidth)),
      ("stored_types", .array(storedTypes.map(Self.json))),
      ("context_memory", .array(contextMemory.map(Self.json))),
    ]
  }

  private static func json(_ type: StoredType) -> JSONValue {
    JSONValue(members: [
      ("name", .string(type.name)), ("tensors", .integer(type.tensorCount)),
      ("bytes", .integer(type.byteCount)),
    ])
  }

  private static func json(_ memory: ContextMemory) -> JSONValue {
    JSONValue(members: [
      ("tokens", .integer(memory.tokenCount)), ("bytes", .integer(memory.byteCount)),
    ])
  }

}

private func megabytes(_ bytes: Int) -> String { "\((Double(bytes) / 1e6).rounded(to: 1)) MB" }

extension AdapterInformation {
  fileprivate var rows: [(String, String)] {
    [
      ("path", path), ("kind", "LoRA" + (isRankStabilised ? ", rank-stabilised" : "")),
      ("made for", baseName ?? "—"), ("rank", "\(rank)"), ("alpha", "\(alpha)"),
      ("modules", moduleNames.joined(separator: ", ")),
      ("parameters", "\(parameterCount) in \(tensorCount) tensors"),
      ("weights", megabytes(storedBytes)),
    ]
  }

  fileprivate var members: [(String, JSONValue)] {
    [
      ("path", .string(path)), ("kind", .string("lora")),
      ("base_model", JSONValue(optional: baseName)), ("rank", .integer(rank)),
      ("alpha", .number(alpha)), ("rank_stabilised", .boolean(isRankStabilised)),
      ("modules", .array(moduleNames.map { .string($0) })),
      ("tensors", .integer(tensorCount)), ("parameters", .integer(parameterCount)),
      ("stored_bytes", .integer(storedBytes)),
    ]
  }
}
