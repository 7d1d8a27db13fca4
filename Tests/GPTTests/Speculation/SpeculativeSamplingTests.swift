import GPT
import Testing

struct SpeculativeSamplingTests {
  /// Largest χ² of 26 degrees of freedom that chance exceeds once in a thousand times, and of 3.
  private static let limits = [26: 54.05, 3: 16.27]

  private func logits(_ probabilities: [Float]) -> [Float] {
    probabilities.map { $0 > 0 ? logarithm($0) : -.infinity }
  }

  /// Drafts that are right, wrong, and that know tokens which cannot come.
  @Test(
    arguments: [
      [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4], [0, 0, 0, 1], [0.5, 0, 0.25, 0.25],
    ] as [[Float]])
  func chosenTokensAreAsLikelyAsTheModelSays(draft: [Float]) throws {
    var options = GenerationOptions()
    (options.temperature, options.topP, options.minP) = (1, 1, 0)
    var sampler = Sampler(options: options, seed: 1)
    var drafting = Sampler(options: options, seed: 2)
    let expected: [Float] = [0.45, 0.05, 0.3, 0.2]
    let (model, guess) = (logits(expected), logits(draft))
    let count = 20_000
    var seen = [Int](repeating: 0, count: 4)
    for _ in 0..<count {
      let source = try drafting.choice(guess, history: [])
      let proposal = ProposedToken(id: drafting.draw(from: source), source: source)
      seen[Int(try sampler.next(model, history: [], proposal: proposal))] += 1
    }
    let statistic = chiSquare(seen, expected.map { Double($0) }, count)
    #expect(statistic < Self.limits[3] ?? 0, "\(seen): \(statistic)")
  }

  /// Σ min(p, q): here 0.05 + 0.3 + 0.2 + 0.1
  @Test func guessesAreTakenAsOftenAsCanBe() throws {
    var options = GenerationOptions()
    (options.temperature, options.topP, options.minP) = (1, 1, 0)
    var sampler = Sampler(options: options, seed: 3)
    var drafting = Sampler(options: options, seed: 4)
    let (model, guess) = (logits([0.45, 0.05, 0.3, 0.2]), logits([0.1, 0.2, 0.3, 0.4]))
    var taken = 0
    for _ in 0..<20_000 {
      let source = try drafting.choice(guess, history: [])
      let proposal = ProposedToken(id: drafting.draw(from: source), source: source)
      if try sampler.next(model, history: [], proposal: proposal) == proposal.id { taken += 1 }
    }
    // Six standard deviations of a share.
    #expect(abs(Double(taken) / 20_000 - 0.65) < 0.02, "\(taken)")
  }

  @Test func guessesThatNoChanceWasPartOfChangeNoToken() throws {
    var options = GenerationOptions()
    options.temperature = 1
    var (plain, guided) = (Sampler(options: options, seed: 9), Sampler(options: options, seed: 9))
    let row = logits([0.4, 0.3, 0.2, 0.1])
    for index in 0..<100 {
      let proposal = ProposedToken(id: Int32(index % 4))
      #expect(
        try guided.next(row, history: [], proposal: proposal) == plain.next(row, history: []))
    }
  }

  /// Three tokens of three candidates each, of a tiny model, against the probabilities of all 27.
  @Test func textsAreAsLikelyAsWithoutGuesses() async throws {
    let model = try SpeculationFixture.model("llama", draft: "llama-rope-linear")
    var options = GenerationOptions()
    (options.temperature, options.topK, options.topP, options.minP) = (0.9, 3, 1, 0)
    (options.maximumTokens, options.speculation) = (3, .draftModel)
    options.repetitionPenalty = 1.2
    let prompt = SpeculationFixture.ids(8) + SpeculationFixture.ids(5)
    let expected = try await probabilities(model, prompt, options)
    #expect(expected.count == 27)
    let count = 3000
    var seen: [[Int32]: Int] = [:]
    var drafted = 0
    for seed in 0..<UInt64(count) {
      options.seed = seed
      let result = try await model.generate(promptTokens: prompt, options: options)
      seen[result.tokens.map(\.id), default: 0] += 1
      drafted += result.timings.draftedTokenCount
    }
    #expect(drafted > 0)
    let texts = expected.keys.sorted { $0.lexicographicallyPrecedes($1) }
    let statistic = chiSquare(
      texts.map { seen[$0] ?? 0 }, texts.map { expected[$0] ?? 0 }, count)
    #expect(seen.keys.allSatisfy { expected[$0] != nil })
    #expect(statistic < Self.limits[26] ?? 0, "\(statistic)")
  }

  private func probabilities(
    _ model: LanguageModel, _ prompt: [Int32], _ options: GenerationOptions
  ) async throws -> [[Int32]: Double] {
    let sampler = Sampler(options: options, seed: 0)
    var texts: [[Int32]: Double] = [[]: 1]
    for _ in 0..<3 {
      var longer: [[Int32]: Double] = [:]
      for (text, probability) in texts {
        let rows = try await model.logits(for: prompt + text)
        let last = Array(rows.suffix(model.information.vocabularySize))
        guard case .among(let candidates) = try sampler.choice(last, history: prompt + text)
        else { continue }
        for (candidate, own) in zip(candidates.list, candidates.probabilities) {
          longer[text + [candidate.id]] = probability * own
        }
      }
      texts = longer
    }
    return texts
  }

  private func chiSquare(_ seen: [Int], _ probabilities: [Double], _ count: Int) -> Double {
    zip(seen, probabilities).reduce(0) { sum, pair in
      let expected = pair.1 * Double(count)
      let difference = Double(pair.0) - expected
      return sum + difference * difference / expected
    }
  }
}
