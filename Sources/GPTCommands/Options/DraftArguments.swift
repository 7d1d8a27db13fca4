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

  private var isPromptLookup: Bool { draft == "prompt" }

  var speculation: GenerationOptions.Speculation? {
    draft == nil ? nil : isPromptLookup ? .promptLookup : .draftModel
  }

  /// Path of the model that guesses, nil when none does.
  func model() throws(LanguageModelError) -> String? {
    guard let draft, !isPromptLookup else { return nil }
    return try ModelLocator.resolve(draft)
  }
}
