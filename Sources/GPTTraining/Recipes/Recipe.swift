package import GPTModel

/// What a run does that was told nothing but its corpus.
///
/// Small corpora are walked many times by a small model with dropout, large ones less than once by
/// a larger model: twenty tokens for each parameter are enough (Hoffmann et al. 2022,
/// arXiv:2203.15556).
package struct Recipe: Sendable, Equatable {
  package var preset: ModelPreset
  package var steps: Int
  package var dropout: Double
  package var validateEvery: Int
  package var sampleEvery: Int
  package var logEvery: Int
  package var warmupSteps: Int

  /// The preset for a corpus of so many training tokens.
  package static func preset(trainingTokens: Int) -> ModelPreset {
    switch trainingTokens {
    case ..<50_000: .nano
    case ..<3_000_000: .micro
    case ..<30_000_000: .mini
    default: .small
    }
  }

  /// Passes over the corpus after which a small model has learned what it can from it.
  private static let epochs = 25
  private static let tokensPerParameter = 20

  /// - Parameters:
  ///   - steps: when it is known already; nil: by corpus and model.
  ///   - tokensPerStep: targets of all micro-batches
  package init(
    preset: ModelPreset, trainingTokens: Int, parameterCount: Int, tokensPerStep: Int,
    steps known: Int?
  ) {
    self.preset = preset
    let tokens = min(
      Double(Self.epochs) * Double(trainingTokens),
      Double(Self.tokensPerParameter) * Double(parameterCount))
    steps = known ?? max(200, Int(min(1e15, tokens / Double(max(1, tokensPerStep)))) / 50 * 50)
    let passes = Double(steps) * Double(tokensPerStep) / Double(max(1, trainingTokens))
    dropout = passes > 10 ? 0.2 : passes > 3 ? 0.1 : 0
    validateEvery = Self.round(steps / 20, atMost: 1000)
    sampleEvery = 2 * validateEvery
    logEvery = max(1, min(10, validateEvery / 10))
    warmupSteps = min(100, steps / 20)
  }

  /// A number of steps that people would choose.
  private static func round(_ steps: Int, atMost limit: Int) -> Int {
    let choices = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000]
    return choices.last { $0 <= min(limit, max(1, steps)) } ?? 1
  }
}
