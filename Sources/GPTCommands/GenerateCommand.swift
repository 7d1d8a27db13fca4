internal import ArgumentParser
internal import GPT
internal import GPTJSON
import Glibc

struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write on after a prompt.",
    discussion: """
      The prompt comes from --prompt, --prompt-file, or standard input. The text is written as it \
      is generated; control characters in it are written as escapes (--json has them exactly). \
      Speeds follow on standard error. Ctrl-C stops and keeps what is there (exit code 130).

      EXAMPLES:
        gpt generate --prompt "The capital of France is" --max-tokens 24
        gpt generate --prompt-file story.txt --seed 7 --stop "THE END"
        gpt generate --prompt-file code.txt --draft prompt --temperature 0
        gpt generate --prompt-file manual.txt --prompt-cache manual.kv
        gpt generate --model large.gguf --draft small.gguf --prompt "Once"
        echo "def fibonacci(n):" | gpt generate --json --top-logprobs 5
      """)

  @Option(help: "Text to write on after.") var prompt: String?
  @Option(help: "File with the text to write on after.") var promptFile: String?
  @OptionGroup(title: "Model") var model: ModelArguments
  @OptionGroup(title: "Sampling") var sampling: SamplingArguments
  @OptionGroup(title: "Speed") var draft: DraftArguments
  @Flag(help: "Write the prompt before the text.") var echo = false
  @Flag(help: "Do not put the beginning-of-sequence token before the prompt.")
  var noSpecial = false
  @Flag(help: "Recognise the text of control tokens in the prompt.") var parseSpecial = false
  @Flag(help: "Write one JSON object: text, token ids, logprobs, timings.") var json = false
  @Option(help: "Report this many most probable tokens at each place (with --json).")
  var topLogprobs: Int?

  /// Models with endless contexts would write for hours.
  static let defaultMaximumTokens = 256

  func validate() throws {
    if prompt != nil, promptFile != nil {
      throw ValidationError("Give either --prompt or --prompt-file.")
    }
  }

  func run() async throws {
    let interruption = Interruption()
    let text = try promptText()
    let model = try await model.open(with: draft)
    var cache = try await draft.openPromptCache(for: model)
    let stream = model.tokens(prompt: text, options: options)
    if echo, !json { try StandardOutput.shared.write(Escaping.text(text)) }
    let printsText = !json
    do {
      try await interruption.guarding { try await Self.follow(stream, printing: printsText) }
    } catch LanguageModelError.cancelled {
      if printsText { try StandardOutput.shared.writeLine("") }
      throw CommandError.interrupted
    }
    guard let result = stream.result else { throw CommandError.interrupted }
    try await cache?.keep(result)
    try StandardOutput.shared.writeLine(json ? report(result, model).encoded() : "")
    try StandardOutput.shared.flush()
    StandardError.print(result.timings.summary)
  }

  private static func follow(_ stream: TokenStream, printing: Bool) async throws {
    for try await token in stream where printing && !token.text.isEmpty {
      try StandardOutput.shared.write(Escaping.text(token.text))
      try StandardOutput.shared.flush()
    }
  }

  private var options: GenerationOptions {
    var options = sampling.options(defaultMaximum: Self.defaultMaximumTokens)
    options.addSpecialTokens = !noSpecial
    options.parseSpecialTokens = parseSpecial
    options.speculation = draft.speculation
    options.topLogprobs = topLogprobs ?? (json ? 0 : nil)
    return options
  }

  private func promptText() throws -> String {
    if let prompt { return prompt }
    if let promptFile {
      return try Files.text(Files.readAll(path: promptFile), location: promptFile)
    }
    guard isatty(STDIN_FILENO) == 0 else {
      throw ValidationError("Give --prompt, --prompt-file, or a prompt on standard input.")
    }
    return try Files.text(Files.readStandardInput(), location: "standard input")
  }

  private func report(_ result: Generation, _ model: LanguageModel) -> JSONValue {
    JSONValue(members: [
      ("model", .string(model.information.path)),
      ("text", .string(result.text)),
      ("token_ids", JSONValue(ids: result.tokens.map(\.id))),
      ("prompt_token_ids", JSONValue(ids: result.promptTokens)),
      ("logprobs", .array(result.tokens.map(\.logprobJSON))),
      ("finish_reason", .string(result.finishReason.rawValue)),
      // As text: JSON readers that know only floating point would round large seeds.
      ("seed", .string(String(result.seed))),
      ("timings", result.timings.json),
    ])
  }
}
