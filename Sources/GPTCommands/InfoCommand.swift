internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct InfoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show what a model is and what it takes.",
    discussion: """
      EXAMPLES:
        gpt info model.gguf
        gpt info smollm2-135m-instruct --json
      """)

  @Argument(help: "Model folder, .gguf file, or name of a model in the cache.")
  var model: String?
  @OptionGroup var computing: ComputingArguments
  @Flag(help: "Write one JSON object.") var json = false

  func run() async throws {
    let information = try await computing.open(model).information
    if json { return try StandardOutput.shared.writeLine(information.json.encoded()) }
    for (name, value) in information.rows {
      let padding = String(repeating: " ", count: max(1, 16 - name.count))
      try StandardOutput.shared.writeLine(Escaping.line(name + padding + value))
    }
  }
}

extension ModelInformation {
  fileprivate var rows: [(String, String)] {
    var rows = [
      ("path", path), ("architecture", architecture), ("name", name ?? "—"),
      ("parameters", "\((Double(parameterCount) / 1e6).rounded(to: 1)) million"),
      ("weights", Self.size(storedBytes)), ("vocabulary", "\(vocabularySize)"),
      ("tokenizer", tokenizer), ("chat template", hasChatTemplate ? "yes" : "no"),
      ("context", "\(contextLength) tokens"),
      ("blocks", "\(blockCount) of width \(width), hidden \(hiddenWidth)"),
      ("heads", "\(headCount) of width \(headWidth), \(keyValueHeadCount) for keys and values"),
    ]
    for type in storedTypes {
      rows.append(
        ("stored \(type.name)", "\(type.tensorCount) tensors, \(Self.size(type.byteCount))"))
    }
    for memory in contextMemory {
      rows.append(("cache memory", "\(Self.size(memory.byteCount)) at \(memory.tokenCount) tokens"))
    }
    return rows
  }

  fileprivate var json: JSONValue {
    JSONValue(members: [
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
    ])
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

  private static func size(_ bytes: Int) -> String {
    "\((Double(bytes) / 1e6).rounded(to: 1)) MB"
  }
}
