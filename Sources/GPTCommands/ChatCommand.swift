internal import ArgumentParser
internal import GPT
import Glibc

struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Talk with a model.",
    discussion: """
      Every line is a question; the answer is written as it is generated. Lines that begin with a \
      slash are commands: /help lists them. Ctrl-C stops an answer, not the program; Ctrl-D ends \
      it. With standard input from a file or a pipe every line is a question, too.

      EXAMPLES:
        gpt chat --model smollm2-135m-instruct
        gpt chat --system "Answer in one word." --temperature 0
        gpt chat --model large.gguf --draft small.gguf --prompt-cache chat.kv
        printf 'Hi!\\nWho are you?\\n' | gpt chat --seed 1
      """)

  @OptionGroup(title: "Model") var model: ModelArguments
  @OptionGroup(title: "Sampling") var sampling: SamplingArguments
  @OptionGroup(title: "Speed") var draft: DraftArguments
  @Option(help: "What the model is told before the conversation.") var system: String?
  @Option(
    help: """
      Chat format by name, in place of the model's own template: chatml, llama2, llama3, mistral, \
      gemma, zephyr, phi3 or alpaca.
      """)
  var chatTemplate: String?
  @Option(help: "Go on with a conversation that /save wrote.") var load: String?

  func run() async throws {
    let isInteractive = isatty(STDIN_FILENO) == 1
    let interruption = Interruption(idle: {
      guard isInteractive else { Glibc.exit(130) }
      StandardError.prompt("\n(Ctrl-D or /quit ends the program)\n> ")
    })
    var opening = Transcript()
    if let load { opening = try TranscriptFile.read(load) }
    if let system { ChatLoop.instruct(system, in: &opening) }
    var options = sampling.options(defaultMaximum: nil)
    options.speculation = draft.speculation
    let opened = try await model.open(with: draft)
    let cache = try await draft.openPromptCache(for: opened)
    var loop = ChatLoop(
      model: opened, cache: cache, transcript: opening, format: chatTemplate,
      options: options, isInteractive: isInteractive)
    if isInteractive { StandardError.print("/help lists the commands.") }
    var input = LineReader()
    while let line = try await nextLine(&input, isInteractive),
      try await loop.take(
        line, interruption)
    {}
    if isInteractive { StandardError.print("") }
  }

  private func nextLine(_ input: inout LineReader, _ isInteractive: Bool) async throws -> String? {
    try StandardOutput.shared.flush()
    if isInteractive { StandardError.prompt("> ") }
    return try await input.next()
  }
}

/// The conversation of `gpt chat`.
struct ChatLoop {
  private let model: LanguageModel
  private let format: String?
  private let options: GenerationOptions
  private let isInteractive: Bool
  private var session: LanguageModelSession
  private var cache: PromptCache?

  init(
    model: LanguageModel, cache: PromptCache? = nil, transcript: Transcript, format: String?,
    options: GenerationOptions,
    isInteractive: Bool
  ) {
    self.model = model
    self.cache = cache
    self.format = format
    self.options = options
    self.isInteractive = isInteractive
    session = LanguageModelSession(model: model, transcript: transcript, chatFormat: format)
  }

  /// Puts `instructions` in the place of those that are there.
  static func instruct(_ instructions: String, in transcript: inout Transcript) {
    transcript.entries.removeAll { $0.role == .system }
    if !instructions.isEmpty {
      transcript.entries.insert(Transcript.Entry(role: .system, content: instructions), at: 0)
    }
  }

  /// Does what `line` says; false ends the conversation.
  mutating func take(_ line: String, _ interruption: Interruption) async throws -> Bool {
    let line = line.trimmingSpaces
    do {
      if line.hasPrefix("/") { return try command(line) }
      if !line.isEmpty { try await answer(line, interruption) }
    } catch let error as LanguageModelError where isInteractive {
      StandardError.print("gpt: \(error)")
    } catch let error as CommandError where isInteractive && error != .outputClosed {
      StandardError.print("gpt: \(error)")
    }
    return true
  }

  private mutating func answer(_ question: String, _ interruption: Interruption) async throws {
    let stream = session.streamResponse(to: question, options: options)
    do {
      try await interruption.guarding {
        for try await snapshot in stream {
          try StandardOutput.shared.write(Escaping.text(snapshot.addition))
          try StandardOutput.shared.flush()
        }
      }
    } catch LanguageModelError.cancelled {
      StandardError.print("(stopped)")
    }
    try StandardOutput.shared.writeLine("")
    try StandardOutput.shared.flush()
    if let result = stream.result {
      _ = try await cache?.save(prompt: result.promptTokens)
      if result.finishReason == .contextFull { StandardError.print("(the context is full)") }
      if isInteractive { StandardError.print("(\(result.timings.summary))") }
    }
  }

  private static let help = [
    "/help           show this",
    "/system TEXT    tell the model something before the conversation; without TEXT: nothing",
    "/clear          forget the conversation, but for the system text",
    "/save FILE      write the conversation as JSON",
    "/load FILE      go on with a conversation that was saved",
    "/quit           end (also Ctrl-D)",
  ]

  private mutating func command(_ line: String) throws -> Bool {
    let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
    let argument = parts.count > 1 ? parts[1].trimmingSpaces : ""
    var transcript = session.transcript
    switch parts[0] {
    case "/quit", "/exit": return false
    case "/help": for line in Self.help { StandardError.print(line) }
    case "/system":
      Self.instruct(argument, in: &transcript)
      restart(with: transcript)
    case "/clear":
      transcript.entries.removeAll { $0.role != .system }
      restart(with: transcript)
    case "/save":
      try TranscriptFile.write(transcript, to: try file(argument, parts[0]))
    case "/load":
      restart(with: try TranscriptFile.read(try file(argument, parts[0])))
    default:
      throw CommandError.invalid(
        location: "chat", found: "unknown command \(parts[0])", expected: "one that /help lists")
    }
    return true
  }

  private func file(_ argument: String, _ command: String) throws -> String {
    guard !argument.isEmpty else {
      throw CommandError.invalid(location: command, found: "nothing", expected: "a file")
    }
    return argument
  }

  private mutating func restart(with transcript: Transcript) {
    session = LanguageModelSession(model: model, transcript: transcript, chatFormat: format)
  }
}

extension String {
  /// Without white space at both ends.
  var trimmingSpaces: String {
    let start = drop { $0.isWhitespace }
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
  }
}
