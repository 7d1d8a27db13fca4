/// How a file becomes examples.
package struct FinetuneDataOptions: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    /// Texts, prompts with completions, conversations, instructions.
    case supervised
    /// Prompts with a better and a worse answer.
    case preferences
  }

  package enum LossTarget: String, CaseIterable, Sendable {
    /// What the model is to say: completions and the assistant's messages with what ends them.
    case completion
    /// Every token that has one before it.
    case all
  }

  package var kind = Kind.supervised
  /// Preferences are always compared by their answers alone.
  package var lossOn = LossTarget.completion
  /// Tokens of a row; an example may have one more, whose last is only a target.
  package var contextLength: Int
  /// Several examples share a row; preferences never do.
  package var packs = true
  /// Share of the examples set apart for validation, below 1; 0 for none. Not used with a
  /// validation file.
  package var validationShare = 0.1
  package var seed: UInt64
  /// Lines that cannot be used are counted and left out.
  package var skipsBad = false

  package init(contextLength: Int, seed: UInt64) {
    self.contextLength = contextLength
    self.seed = seed
  }

  func check() throws(TrainingError) {
    guard contextLength > 0 else {
      throw .invalid(
        location: "context length", found: "\(contextLength)", expected: "at least 1")
    }
    guard validationShare >= 0, validationShare < 1 else {
      throw .invalid(
        location: "validation share", found: "\(validationShare)",
        expected: "at least 0 and below 1")
    }
  }
}
