/// A model that guesses for another.
struct DraftSource {
  let predictor: any TokenPredictor
  /// Of the predictor; what it holds is used again.
  let sequence: SequenceState
  /// A pass of the predictor, in passes of the other model.
  let cost: Double
}

extension GenerationOptions {
  /// Who guesses with these options, nil when nobody does.
  ///
  /// - Parameters:
  ///   - sampler: chooses as the other model's does, from random numbers of its own
  ///   - vocabularySize: the other model's
  func drafter(
    source: DraftSource?, sampler: Sampler, vocabularySize: Int
  ) throws(LanguageModelError) -> (any Drafter)? {
    switch speculation {
    case nil: return nil
    case .promptLookup: return PromptLookup()
    case .draftModel:
      guard let source else {
        throw .invalidOption(
          name: "speculation", found: "draftModel without one",
          expected: "a model that was opened with a draft model")
      }
      return ModelDrafter(
        source.predictor, sequence: source.sequence, vocabularySize: vocabularySize,
        sampler: sampler, cost: source.cost)
    }
  }
}
