package import GPTModel

/// Where the time of a prompt and of the tokens after it went.
package struct GenerationProfile: Sendable {
  /// One part of a generation.
  package struct Part: Sendable {
    package let tokenCount: Int
    /// From its first to its last moment, whatever the stages say.
    package let seconds: Double
    /// Seconds of every stage in the order of a pass.
    package let stages: [(stage: PassProfile.Stage, seconds: Double)]

    /// How much of the time the stages account for.
    package var coverage: Double {
      seconds > 0 ? stages.reduce(0) { $0 + $1.seconds } / seconds : 1
    }
  }

  package var prompt: Part
  package var decode: Part
}

extension LanguageModel {
  /// What runs the model; nil for models of parts that tests put in its place.
  package var transformer: Transformer? { (predictor as? TransformerPredictor)?.transformer }

  /// Reads `prompt`, then decodes greedily behind `context`, and says where the time went.
  ///
  /// - Parameters: prompt and context have at least one token; generateTokens may be 0
  package func profile(
    prompt: [Int32], context: [Int32], generateTokens: Int
  ) async throws(LanguageModelError) -> GenerationProfile {
    try await Worker().evaluate { [self] worker throws(LanguageModelError) in
      guard let transformer else {
        preconditionFailure("a profile of a model without a transformer")
      }
      // The first pass makes the memory that later ones use again.
      _ = try profiledPrompt(prompt, transformer)
      let part = try profiledPrompt(prompt, transformer)
      return GenerationProfile(
        prompt: part,
        decode: try profiledDecoding(generateTokens, behind: context, transformer, worker))
    }
  }

  private func profiledPrompt(
    _ tokens: [Int32], _ transformer: Transformer
  ) throws(LanguageModelError) -> GenerationProfile.Part {
    let cache = transformer.makeCache()
    return try measured(tokenCount: tokens.count) { profile throws(LanguageModelError) in
      _ = try translatingModelErrors { () throws(ModelError) in
        try transformer.forward(tokens, cache: cache, logits: .last, profile: profile)
      }
    }
  }

  private func profiledDecoding(
    _ count: Int, behind context: [Int32], _ transformer: Transformer, _ worker: Worker
  ) throws(LanguageModelError) -> GenerationProfile.Part {
    let cache = transformer.makeCache()
    var sampler = Sampler(options: .greedy, seed: 0)
    var history = context
    var logits = try translatingModelErrors { () throws(ModelError) in
      try transformer.forward(context, cache: cache, logits: .last)
    }
    return try measured(tokenCount: count) { profile throws(LanguageModelError) in
      for _ in 0..<count {
        if worker.isCancelled { throw .cancelled }
        let token = try sampler.next(logits, history: history)
        history.append(token)
        profile.end(.sampling)
        logits = try translatingModelErrors { () throws(ModelError) in
          try transformer.forward([token], cache: cache, logits: .last, profile: profile)
        }
      }
    }
  }

  private func measured(
    tokenCount: Int, _ body: (PassProfile) throws(LanguageModelError) -> Void
  ) throws(LanguageModelError) -> GenerationProfile.Part {
    let profile = PassProfile()
    let clock = ContinuousClock()
    let start = clock.now
    profile.begin()
    try body(profile)
    return GenerationProfile.Part(
      tokenCount: tokenCount, seconds: (clock.now - start).seconds,
      stages: PassProfile.Stage.allCases.map { ($0, profile.seconds($0)) })
  }
}
