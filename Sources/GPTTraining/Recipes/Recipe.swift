/// What a run does that was told nothing but its corpus and model.
///
/// Small corpora are walked many times, with dropout; of large ones, twenty tokens for each
/// parameter are enough (Hoffmann et al. 2022, arXiv:2203.15556).
package struct Recipe: Sendable, Equatable {
  package let steps: Int
  package let dropout: Double
  package let validateEvery: Int
  package let sampleEvery: Int
  package let logEvery: Int
  package let warmupSteps: Int

  /// The size of model for a corpus of so many training tokens.
  package static func preset(trainingTokens: Int) -> ModelPreset {
    switch trainingTokens {
    case ..<50_000: .nano
    case ..<3_000_000: .micro
    case ..<30_000_000: .mini
    default: .small
    }
  }

  /// Sequences of a micro-batch: four thousand tokens keep the matrix units busy.
  package static func sequenceCount(contextLength: Int) -> Int {
    max(4, min(64, 4096 / max(1, contextLength)))
  }

  /// Passes over a small corpus: a megabyte of text makes six million tokens, five minutes on two
  /// cores.
  private static let passes = 18.0
  private static let tokensPerParameter = 20.0

  /// - Parameters:
  ///   - tokensPerStep: targets of all micro-batches
  ///   - known: steps that were asked for
  package init(
    trainingTokens: Int, parameterCount: Int, tokensPerStep: Int, steps known: Int? = nil
  ) {
    let tokens = min(
      Self.passes * Double(trainingTokens), Self.tokensPerParameter * Double(parameterCount))
    let perStep = Double(max(1, tokensPerStep))
    let wanted = Int(min(1e9, tokens / perStep)) / 50 * 50
    steps = known ?? max(200, wanted)
    let passes = Double(steps) * perStep / Double(max(1, trainingTokens))
    dropout = passes > 10 ? 0.2 : passes > 3 ? 0.1 : 0
    validateEvery = Self.roundNumber(max(min(10, steps), steps / 20))
    sampleEvery = 2 * validateEvery
    logEvery = max(1, min(10, validateEvery / 10))
    warmupSteps = min(100, steps / 20)
  }

  /// The largest number of steps up to `steps` that people would choose.
  private static func roundNumber(_ steps: Int) -> Int {
    [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000].last { $0 <= steps } ?? 1
  }
}
