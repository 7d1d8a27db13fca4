/// A token that was generated.
public struct GeneratedToken: Sendable, Equatable {
  /// A candidate for a token's place.
  public struct Candidate: Sendable, Equatable {
    public let id: Int32
    /// Natural logarithm of the probability.
    public let logprob: Float
  }

  public let id: Int32
  /// What the token adds to the text: empty for control tokens and for those that end in the
  /// middle of a character, whose text comes with the token that completes it.
  public let text: String
  /// Natural logarithm of the token's probability, when `GenerationOptions.topLogprobs` is set.
  public let logprob: Float?
  /// The most probable tokens at this place, best first.
  public let topLogprobs: [Candidate]
}

/// Why a generation ended.
public enum FinishReason: String, Sendable {
  /// The model chose a token that ends a text, or one of `GenerationOptions.stopTokens`.
  case stopToken = "stop_token"
  /// One of `GenerationOptions.stopStrings` appeared.
  case stopString = "stop_string"
  /// `GenerationOptions.maximumTokens` were generated.
  case maximumTokens = "maximum_tokens"
  /// The model's context is full.
  case contextFull = "context_full"
}

/// How long the parts of a generation took.
public struct GenerationTimings: Sendable, Equatable {
  /// Tokens of the prompt, and how many of them were still known from an earlier generation.
  public internal(set) var promptTokenCount = 0
  public internal(set) var reusedTokenCount = 0
  /// Time for the prompt's tokens that were not known, up to the choice of the first new token.
  public internal(set) var promptSeconds = 0.0
  /// Tokens computed after the prompt, and the time they took.
  public internal(set) var decodedTokenCount = 0
  public internal(set) var decodeSeconds = 0.0
  /// Tokens that were guessed, and how many of the guesses were right.
  public internal(set) var draftedTokenCount = 0
  public internal(set) var acceptedTokenCount = 0

  public var promptTokensPerSecond: Double {
    promptSeconds > 0 ? Double(promptTokenCount - reusedTokenCount) / promptSeconds : 0
  }
  public var decodeTokensPerSecond: Double {
    decodeSeconds > 0 ? Double(decodedTokenCount) / decodeSeconds : 0
  }
  /// Share of the guesses that were right; nil when none was made.
  public var acceptanceRate: Double? {
    draftedTokenCount > 0 ? Double(acceptedTokenCount) / Double(draftedTokenCount) : nil
  }
}

/// What a generation came to.
public struct Generation: Sendable, Equatable {
  /// The text without prompt and stop string: the texts of `tokens`, joined.
  public let text: String
  public let tokens: [GeneratedToken]
  public let promptTokens: [Int32]
  public let finishReason: FinishReason
  /// The seed of the random choice: with the same options it gives the same tokens again.
  public let seed: UInt64
  public let timings: GenerationTimings
}
