internal import ArgumentParser
internal import GPT

/// Guesses at the tokens to come, so that several are computed in one pass.
struct DraftArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Guess tokens and compute several in one pass: 'prompt', or a smaller model.",
      discussion: """
        'prompt' guesses that the text goes on as it did after the same tokens before; a model \
        (folder, .gguf file or name) with the same vocabulary writes the guesses. What is generated \
        stays as likely as without, at temperature 0 it stays the same.
        """,
      valueName: "prompt|model"))
  var draft: String?

  @Option(
    help: ArgumentHelp(
      "File that keeps what was computed of the prompt, for prompts that begin alike.",
      discussion: """
        Whole chunks of 512 tokens are kept; the output is the same, bit for bit. A file of another \
        model or prompt is replaced.
        """,
      valueName: "file"))
  var promptCache: String?

  private var isPromptLookup: Bool { draft == "prompt" }

  var speculation: GenerationOptions.Speculation? {
    draft == nil ? nil : isPromptLookup ? .promptLookup : .draftModel
  }

  /// The cache of prompts; tells on standard error when the file is of no use.
  func openPromptCache(for model: LanguageModel) async throws -> PromptCache? {
    guard let promptCache else { return nil }
    let cache = try await PromptCache(at: promptCache, for: model)
    if case .foreign(let reason) = cache.status {
      StandardError.print("\(promptCache): \(reason), it will be replaced")
    }
    return cache
  }

  /// Path of the model that guesses, nil when none does.
  func model() throws(LanguageModelError) -> String? {
    guard let draft, !isPromptLookup else { return nil }
    return try ModelLocator.resolve(draft)
  }
}

extension PromptCache {
  /// Saves the prompt of a generation, and tells when that is of no use or replaces another.
  mutating func keep(_ generation: Generation) async throws {
    let count = try await save(prompt: generation.promptTokens)
    if count == 0 {
      StandardError.print(
        "\(path): nothing kept, the prompt has \(generation.promptTokens.count) of at least "
          + "\(Self.chunkLength) tokens")
    } else if case .usable = status, generation.timings.reusedTokenCount == 0 {
      StandardError.print("\(path): was of another prompt, it is replaced")
    }
  }
}
