/// Lets a smaller model with the same vocabulary write on.
final class ModelDrafter: Drafter {
  private let predictor: any TokenPredictor
  private let sequence: SequenceState
  /// Tokens that the model with the last word knows.
  private let vocabularySize: Int
  private var sampler: Sampler
  private var length: DraftLength

  /// - Parameters:
  ///   - sequence: of the predictor
  ///   - cost: of a pass of the predictor, in passes of the model with the last word
  init(
    _ predictor: any TokenPredictor, sequence: SequenceState, vocabularySize: Int,
    sampler: Sampler, cost: Double
  ) {
    self.predictor = predictor
    self.sequence = sequence
    self.vocabularySize = vocabularySize
    self.sampler = sampler
    length = DraftLength(expected: 0.7, draftCost: cost)
  }

  func begin(with prompt: [Int32], isCancelled: () -> Bool) throws(LanguageModelError) {
    guard prompt.count < predictor.contextLength else { return }
    _ = try sequence.begin(with: prompt, isCancelled: isCancelled)
  }

  func propose(_ place: DraftPlace, limit: Int) throws(LanguageModelError) -> [ProposedToken] {
    let room = predictor.contextLength - place.context.count
    let count = length.next(limit: min(limit, room))
    guard count > 0 else { return [] }
    var history = place.history
    var logits = try sequence.follow(place.context, isCancelled: place.isCancelled)
    var proposed: [ProposedToken] = []
    while true {
      let choice = try sampler.choice(Array(logits.prefix(vocabularySize)), history: history)
      let id = sampler.draw(from: choice)
      proposed.append(ProposedToken(id: id, source: choice))
      guard proposed.count < count else { return proposed }
      history.append(id)
      logits = try sequence.append(id)
    }
  }

  func learn(accepted: Int, of proposed: Int) {
    length.learn(accepted: accepted, of: proposed)
  }
}
