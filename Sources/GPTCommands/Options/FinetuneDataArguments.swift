internal import ArgumentParser
internal import GPTTokenizer
internal import GPTTraining

/// The examples that a model is fine-tuned on.
struct FinetuneDataArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Text, or JSON lines with prompt and completion, messages, instruction and output, text, or "
        + "prompt, chosen and rejected; - for standard input.", valueName: "file"))
  var data: String?
  @Option(
    help: ArgumentHelp("Examples for validation (default: a share of --data).", valueName: "file"))
  var validation: String?
  @Option(help: "Share of the examples kept back for validation, 0 for none (default: 0.1).")
  var validationShare: Double?
  @Option(
    help: ArgumentHelp(
      "Learn what the model is to say, or every token (default: completion).", valueName: "part"))
  var lossOn: FinetuneDataOptions.LossTarget?
  @Option(
    help: ArgumentHelp(
      "Chat format by name, in place of the model's own template, as for gpt chat.",
      valueName: "name"))
  var chatTemplate: String?
  @Flag(help: "Count lines that cannot be used and go on.") var skipBad = false
  @Flag(help: "Give every example a row of its own.") var noPacking = false
  @Option(
    help: "Tokens of a row; longer examples are cut (default: 512, or what the model can take).")
  var contextLength: Int?

  func validate() throws {
    if let contextLength, contextLength < 1 {
      throw ValidationError("--context-length must be at least 1.")
    }
    if let validationShare, !(validationShare >= 0 && validationShare <= 0.9) {
      throw ValidationError("--validation-share must be 0 to 0.9.")
    }
    if let chatTemplate, !KnownChatFormat.names.contains(chatTemplate) {
      throw ValidationError(
        "--chat-template must be one of \(KnownChatFormat.names.joined(separator: ", ")).")
    }
    if validation != nil, validationShare != nil {
      throw ValidationError("Give either --validation or --validation-share.")
    }
  }

  func options(
    _ method: FinetuneMethod, contextLength: Int, seed: UInt64
  ) -> FinetuneDataOptions {
    var options = FinetuneDataOptions(contextLength: contextLength, seed: seed)
    options.kind = method == .dpo ? .preferences : .supervised
    options.lossOn = lossOn ?? .completion
    options.packs = !noPacking
    options.skipsBad = skipBad
    if let validationShare { options.validationShare = validationShare }
    return options
  }
}
