/// What was read, for the lines before training starts and for the run's manifest.
package struct FinetuneSummary: Sendable, Equatable {
  /// One side of the split.
  package struct Side: Sendable, Equatable {
    /// Examples to learn from; for preferences, pairs.
    package var examples = 0
    /// Tokens of the examples as they are trained on.
    package var tokens = 0
    /// Tokens that carry loss.
    package var trainedTokens = 0
    /// Rows that show every example once.
    package var rows = 0

    package init() {}
  }

  /// Examples whose whole length, before truncation, is in `minimum...maximum` tokens.
  package struct LengthBin: Sendable, Equatable {
    package var minimum: Int
    /// nil: longer than the context
    package var maximum: Int?
    package var count: Int

    package init(minimum: Int, maximum: Int?, count: Int) {
      self.minimum = minimum
      self.maximum = maximum
      self.count = count
    }
  }

  /// Messages of bad records that are kept.
  package static let keptMessages = 5

  package var training = Side()
  package var validation = Side()
  /// Records and text files that were read, bad ones left out.
  package var records = 0
  /// Records that could not be used.
  package var bad = 0
  /// What was wrong with the first of them.
  package var badMessages: [String] = []
  /// Examples whose beginning or end was cut off to fit.
  package var truncated = 0
  /// Examples left out since no token of theirs would carry loss.
  package var dropped = 0
  /// Texts that were cut into several examples; nothing of them is lost.
  package var divided = 0
  /// Examples of the validation file that are also trained on.
  package var leaked = 0
  /// Tokens of the longest example, before truncation.
  package var longest = 0
  /// Eight bins up to the context, and one for what is longer.
  package var lengths: [LengthBin] = []

  package init() {}
}
