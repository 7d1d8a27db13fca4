import GPT

/// What an application does: open a model once, then stream from it.
public func story(
  modelPath: String, beginning: String, tokenCount: Int
) async throws(LanguageModelError) -> String {
  let model = try await LanguageModel(at: modelPath)
  var options = GenerationOptions.greedy
  options.maximumTokens = tokenCount
  options.ignoreEndOfSequence = true
  var text = ""
  for try await token in model.tokens(prompt: beginning, options: options) { text += token.text }
  return text
}
