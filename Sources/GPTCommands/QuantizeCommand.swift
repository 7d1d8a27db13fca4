internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct QuantizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Store a model's weights in fewer bits.",
    discussion: """
      Writes a .gguf file whose matrices are of --type and tells both sizes; with --text also the \
      perplexity on that text before and after, in windows of 512 tokens. Vectors stay f32. Below \
      six bits the matrix that makes the logits is q6_k. Rows that do not fill blocks of 256 get \
      q5_0 instead of q4_k, and q8_0 instead of q6_k.

      EXAMPLES:
        gpt quantize --model smollm2/ --type q4_k --output smollm2-q4_k.gguf
        gpt quantize --model smollm2/ --type q8_0 --output smollm2-q8_0.gguf --text book.txt
      """)

  /// The window of llama.cpp's perplexity tool.
  static let windowLength = 512

  @Option(
    help: ArgumentHelp(
      "Model folder, .gguf file, or name of a model in the cache.", valueName: "path-or-name"))
  var model: String
  @Option(help: "How matrices are stored.") var type: StorageType
  @Option(help: ArgumentHelp("File to write.", valueName: "file.gguf")) var output: String
  @Option(help: ArgumentHelp("Text to measure the loss of quality on.", valueName: "file"))
  var text: String?
  @Flag(help: "Replace what is there.") var force = false
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws {
    guard ModelConversion.isFile(output) else {
      throw ValidationError("--output must end in .gguf.")
    }
  }

  func run() async throws {
    let interruption = Interruption()
    let input = try ModelLocator.resolve(model)
    try ModelConversion.checkOutput(output, isForced: force)
    let sample = try text.map { try Files.text(Files.readAll(path: $0), location: $0) }
    let conversion = ModelConversion(input: input, output: output, type: type.dtype)
    // Before the output, which may take the input's place.
    let before = try await sample.asyncMap {
      try await Self.perplexity(of: input, on: $0, interruption)
    }
    let report = try await conversion.run(interruption)
    StandardError.print("wrote \(output): \(report.summary)")
    var members = report.members(input: input, output: output)
    if let sample, let before {
      let after = try await Self.perplexity(of: output, on: sample, interruption)
      StandardError.print(
        "perplexity \(before.value.rounded(to: 4)) → \(after.value.rounded(to: 4)) "
          + "(\(Self.change(before.value, after.value))) on \(after.tokenCount) tokens")
      members.append(("perplexity", Self.json(before, after)))
    }
    if json { try StandardOutput.shared.writeLine(JSONValue(members: members).encoded()) }
  }

  private static func perplexity(
    of path: String, on text: String, _ interruption: Interruption
  ) async throws -> Perplexity {
    do {
      return try await interruption.guarding {
        let model = try await LanguageModel(at: path)
        var options = PerplexityOptions()
        options.windowLength = windowLength
        options.stride = windowLength
        return try await model.perplexity(of: text, options: options)
      }
    } catch LanguageModelError.cancelled { throw CommandError.interrupted }
  }

  private static func change(_ before: Double, _ after: Double) -> String {
    let percent = 100 * (after / before - 1)
    return (percent < 0 ? "" : "+") + "\(percent.rounded(to: 2)) %"
  }

  private static func json(_ before: Perplexity, _ after: Perplexity) -> JSONValue {
    JSONValue(members: [
      ("before", .number(before.value)), ("after", .number(after.value)),
      ("tokens", .integer(after.tokenCount)), ("window", .integer(windowLength)),
    ])
  }
}

extension Optional {
  fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async throws -> Value? {
    if let self { return try await body(self) }
    return nil
  }
}
