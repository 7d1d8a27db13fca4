internal import ArgumentParser
internal import GPT

/// Whose tokenizer a command uses; the weights are not read.
struct TokenizerArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Model folder, .gguf file, SentencePiece .model file, or name of a model in the cache.",
      discussion: "Without it: the model in models/, else \(ModelLocator.defaultName).",
      valueName: "path-or-name"))
  var model: String?

  func open() throws -> TextTokenizer {
    try TextTokenizer(at: try ModelLocator.resolve(model))
  }
}
