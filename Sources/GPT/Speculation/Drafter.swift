/// Guesses how a text goes on, so that the model computes several tokens in one pass.
///
/// Used by one thread at a time. What it proposes may depend on the tokens, options and seed alone,
/// never on time, so that equal seeds give equal texts.
package protocol Drafter: AnyObject {
  /// Reads the prompt.
  func begin(with prompt: [Int32], isCancelled: () -> Bool) throws(LanguageModelError)

  /// At most `limit` tokens that may come next, none when no guess is worth computing.
  func propose(_ place: DraftPlace, limit: Int) throws(LanguageModelError) -> [ProposedToken]

  /// Tells how many tokens of the last proposal were taken.
  func learn(accepted: Int, of proposed: Int)
}

/// Where a text has come to.
package struct DraftPlace {
  /// All tokens, prompt included; the last one has just been chosen.
  package let history: [Int32]
  /// Those that the model still sees: fewer after a context shift.
  package let context: [Int32]
  package let isCancelled: () -> Bool

  package init(history: [Int32], context: [Int32], isCancelled: @escaping () -> Bool) {
    self.history = history
    self.context = context
    self.isCancelled = isCancelled
  }
}

extension GenerationOptions {
  /// Where guesses at the tokens to come are taken from.
  public enum Speculation: Sendable, Equatable {
    /// From what followed the same tokens before, in the prompt or in the text.
    ///
    /// Equal seeds give the same tokens as without.
    case promptLookup
    /// From the model's draft model, `LanguageModel.LoadingOptions.draftModel`.
    ///
    /// At temperature 0 the tokens are the same as without, otherwise their distribution is.
    case draftModel
  }
}
