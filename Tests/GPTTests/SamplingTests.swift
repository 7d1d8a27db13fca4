import GPT
import Testing

/// Expected sets follow the warpers of transformers 4: probabilities 0.4, 0.3, 0.2, 0.1 in the
/// order of ids 2, 0, 3, 1.
struct SamplingTests {
  typealias Cut = (parameter: Float, expected: [Int32])

  private let logits: [Float] = [0.3, 0.1, 0.4, 0.2].map { logarithm($0) }

  private func ids(_ change: (inout Candidates) -> Void) -> [Int32] {
    var candidates = Candidates(logits: logits)
    change(&candidates)
    return candidates.list.map(\.id)
  }

  @Test func candidatesAreSortedByProbability() {
    let candidates = Candidates(logits: logits)
    #expect(candidates.list.map(\.id) == [2, 0, 3, 1])
    for (found, expected) in zip(candidates.probabilities, [0.4, 0.3, 0.2, 0.1]) {
      #expect(abs(found - expected) < 1e-6)
    }
  }

  @Test(
    arguments: [(1, [2]), (2, [2, 0]), (4, [2, 0, 3, 1]), (9, [2, 0, 3, 1])] as [(Int, [Int32])])
  func topKKeepsTheBest(limit: Int, expected: [Int32]) {
    #expect(Candidates(logits: logits, limit: limit).list.map(\.id) == expected)
  }

  @Test(
    arguments: [
      (0.05, [2]), (0.39, [2]), (0.41, [2, 0]), (0.69, [2, 0]), (0.71, [2, 0, 3]),
      (0.95, [2, 0, 3, 1]), (1, [2, 0, 3, 1]),
    ] as [Cut])
  func topPKeepsTheNucleus(mass: Float, expected: [Int32]) {
    #expect(ids { $0.keepTopP(mass) } == expected)
  }

  @Test(
    arguments: [
      (0, [2, 0, 3, 1]), (0.24, [2, 0, 3, 1]), (0.26, [2, 0, 3]), (0.51, [2, 0]), (1, [2]),
    ] as [Cut])
  func minPComparesWithTheBest(fraction: Float, expected: [Int32]) {
    #expect(ids { $0.keepMinP(fraction) } == expected)
  }

  /// Entropy 1.2799; distances of −log p from it: 0.0759 (id 0), 0.3295 (3), 0.3636 (2), 1.0227 (1).
  @Test(
    arguments: [
      (0.2, [0]), (0.45, [0, 3]), (0.55, [2, 0, 3]), (0.95, [2, 0, 3, 1]),
    ] as [Cut])
  func typicalPKeepsTheExpected(mass: Float, expected: [Int32]) {
    #expect(ids { $0.keepTypicalP(mass) } == expected)
  }

  @Test func selectionOfTheBestEqualsASort() {
    var random = RandomNumbers(seed: 5)
    let logits = (0..<5000).map { _ in Float(random.next() % 300) }
    let sorted = Array(Candidates(logits: logits).list.prefix(40))
    #expect(Candidates(logits: logits, limit: 40).list == sorted)
  }

  @Test func penaltiesFollowTheirFormulas() {
    var options = GenerationOptions()
    options.repetitionPenalty = 2
    options.presencePenalty = 0.5
    options.frequencyPenalty = 0.25
    options.repeatLastN = 4
    var logits: [Float] = [4, -4, 1, 1]
    // Token 3 lies before the window.
    Penalties(options).apply(to: &logits, history: [3, 0, 0, 1, 0])
    // 4 / 2 − 0.5 − 3 · 0.25 and −4 · 2 − 0.5 − 0.25
    #expect(logits == [0.75, -8.75, 1, 1])
  }

  @Test func temperatureZeroTakesTheLowestIdAmongEquals() throws {
    var sampler = Sampler(options: .greedy, seed: 1)
    #expect(try sampler.next([1, 3, 3, 2], history: []) == 1)
  }

  @Test func drawsFollowTheProbabilities() throws {
    var options = GenerationOptions()
    (options.temperature, options.topK, options.topP, options.minP) = (1, 0, 1, 0)
    var sampler = Sampler(options: options, seed: 11)
    var counts = [Int](repeating: 0, count: 4)
    for _ in 0..<20_000 { counts[Int(try sampler.next(logits, history: []))] += 1 }
    // Four standard deviations of the largest count are 277.
    for (count, expected) in zip(counts, [6000, 2000, 8000, 4000]) {
      #expect(abs(count - expected) < 280, "\(counts)")
    }
  }

  @Test func biasForbidsATokenAndRaisesAnother() throws {
    var options = GenerationOptions.greedy
    options.logitBias = [2: -.infinity, 1: 5]
    var sampler = Sampler(options: options, seed: 1)
    #expect(try sampler.next(logits, history: []) == 1)
  }

  @Test(arguments: [0, 0.8 as Float, 1e-38, 1e30])
  func extremeTemperaturesAndLogitsGiveAToken(temperature: Float) throws {
    var options = GenerationOptions()
    options.temperature = temperature
    var sampler = Sampler(options: options, seed: 1)
    let id = try sampler.next([-.infinity, 3e38, -3e38, -.infinity], history: [])
    #expect(id == 1 || (temperature > 1 && id == 2))
  }

  @Test(arguments: [
    ([0, .nan, 1] as [Float], "logits: nan for token 1, expected finite numbers"),
    ([.infinity, 0], "logits: inf for token 0, expected finite numbers"),
    (
      [-.infinity, -.infinity],
      "logits: -inf for every token that may be chosen, expected finite numbers"
    ),
  ])
  func unusableLogitsAreAnError(logits: [Float], message: String) {
    var sampler = Sampler(options: GenerationOptions(), seed: 1)
    let error = #expect(throws: LanguageModelError.self) {
      try sampler.next(logits, history: [])
    }
    #expect(error?.description == message)
  }

  /// First outputs of the authors' C code (prng.di.unimi.it), state from SplitMix64 of seed 0.
  @Test func randomNumbersAreThoseOfTheReference() {
    var random = RandomNumbers(seed: 0)
    #expect(
      [random.next(), random.next()] == [0x99ec_5f36_cb75_f2b4, 0xbf6e_1f78_4956_452a])
  }

  @Test func logprobsAreNormalised() {
    let logprobs = Logprobs(logits: logits.map { $0 + 100 })
    #expect(abs(logprobs[2] - logarithm(0.4)) < 1e-5)
    #expect(logprobs.top(2).map(\.id) == [2, 0])
  }
}
