extension LanguageModel {
  /// The texts that follow prompts, one after the other; beginnings that a prompt shares with the
  /// one before are not computed again.
  ///
  /// - Parameter receive: gets each generation with its place among the prompts
  public func generate(
    promptTokens prompts: [[Int32]], options: GenerationOptions,
    receive: @escaping @Sendable (Int, Generation) -> Void
  ) async throws(LanguageModelError) {
    let sequence = SharedSequence(self)
    for (index, prompt) in prompts.enumerated() {
      let stream = stream(options, sequence: sequence) { () throws(LanguageModelError) in prompt }
      receive(index, try await stream.collect())
    }
  }
}
