internal import GPTTokenizer

/// One generation: a prompt, then one token after the other, on one thread at a time.
final class GenerationRun {
  struct Request: Sendable {
    var prompt: [Int32]
    var options: GenerationOptions
    /// The model's own end-of-text tokens.
    var modelStops: [Int32]
    /// Beginnings of prompts that the model has computed.
    var prefixes: PrefixStore?
  }

  private let prompt: [Int32]
  private let options: GenerationOptions
  private let contextLength: Int
  private let prefixes: PrefixStore?
  private let decoding: DecodingSequence
  private let isCancelled: () -> Bool
  private let seed: UInt64
  private let stops: Set<Int32>
  private let wantsBeginningKept: Bool
  private var sampler: Sampler
  private var assembler: TextAssembler

  /// A chosen token that the model has not computed yet.
  private var uncomputed: Int32?
  private var history: [Int32]
  private var started = false
  private var generatedCount = 0
  private var ready: [GeneratedToken] = []
  private var emitted: [GeneratedToken] = []
  private var finishReason: FinishReason?
  private var timings = GenerationTimings()

  init(
    _ request: Request, tokenizer: any Tokenizer, predictor: any TokenPredictor,
    sequence: SequenceState, draftSource: DraftSource? = nil, isCancelled: @escaping () -> Bool
  ) throws(LanguageModelError) {
    let options = request.options
    try options.validate(vocabularySize: predictor.vocabularySize)
    prompt = try Self.fit(request, into: predictor, tokenizer: tokenizer)
    self.options = options
    prefixes = request.prefixes
    contextLength = predictor.contextLength
    self.isCancelled = isCancelled
    seed = options.seed ?? UInt64.random(in: .min ... .max)
    stops = Set(options.stopTokens + (options.ignoreEndOfSequence ? [] : request.modelStops))
    wantsBeginningKept = prompt.first == tokenizer.beginningOfSequence
    let forbidden = options.ignoreEndOfSequence ? request.modelStops : []
    sampler = Sampler(options: options, forbidden: forbidden, seed: seed)
    decoding = DecodingSequence(
      sequence,
      drafter: try options.drafter(
        source: draftSource,
        sampler: Sampler(options: options, forbidden: forbidden, seed: ~seed),
        vocabularySize: predictor.vocabularySize),
      vocabularySize: predictor.vocabularySize)
    assembler = TextAssembler(
      decoder: IncrementalDecoder(
        tokenizer: tokenizer, includeSpecialTokens: options.includeSpecialTokens),
      stopStrings: options.stopStrings)
    history = prompt
    timings.promptTokenCount = prompt.count
  }

  /// What the generation came to, nil while it goes on.
  var result: Generation? {
    guard let finishReason, ready.isEmpty else { return nil }
    return Generation(
      text: emitted.map(\.text).joined(), tokens: emitted, promptTokens: prompt,
      finishReason: finishReason, seed: seed, timings: timings)
  }

  /// The next token whose text is certain, nil at the end.
  func next() throws(LanguageModelError) -> GeneratedToken? {
    while ready.isEmpty, finishReason == nil { try step() }
    guard !ready.isEmpty else { return nil }
    let token = ready.removeFirst()
    emitted.append(token)
    return token
  }

  private func step() throws(LanguageModelError) {
    if isCancelled() { throw .cancelled }
    if let limit = options.maximumTokens, generatedCount >= limit {
      return finish(.maximumTokens)
    }
    guard try computeLogits() else { return finish(.contextFull) }
    let id = try sampler.next(
      decoding.logits, history: history, proposal: decoding.proposal)
    if stops.contains(id) { return finish(.stopToken) }
    generatedCount += 1
    history.append(id)
    uncomputed = id
    ready += assembler.append(token(id))
    if assembler.foundStop { finish(.stopString) }
  }

  /// False when the context is full.
  private func computeLogits() throws(LanguageModelError) -> Bool {
    let clock = ContinuousClock()
    let start = clock.now
    guard started else {
      timings.reusedTokenCount = try decoding.begin(
        with: prompt, prefixes: prefixes, isCancelled: isCancelled)
      started = true
      timings.promptSeconds = (clock.now - start).seconds
      return true
    }
    guard let id = uncomputed else { return true }
    let isReady = if decoding.take(id) { true } else { try decode(id) }
    guard isReady else { return false }
    timings.decodedTokenCount += 1
    timings.decodeSeconds += (clock.now - start).seconds
    timings.draftedTokenCount = decoding.draftedCount
    timings.acceptedTokenCount = decoding.acceptedCount
    return true
  }

  /// False when the context is full.
  private func decode(_ id: Int32) throws(LanguageModelError) -> Bool {
    let sequence = decoding.sequence
    if sequence.tokenCount >= contextLength {
      guard options.contextShift, contextLength > 1 else { return false }
      try sequence.shift(
        keeping: options.contextShiftKeep ?? (wantsBeginningKept ? 1 : 0),
        isCancelled: isCancelled)
    }
    let room = min(
      contextLength - sequence.tokenCount, options.maximumTokens.map { $0 - generatedCount } ?? .max
    )
    try decoding.append(id, history: history, limit: room - 1, isCancelled: isCancelled)
    return true
  }

  private func token(_ id: Int32) -> GeneratedToken {
    guard let count = options.topLogprobs else {
      return GeneratedToken(id: id, text: "", logprob: nil, topLogprobs: [])
    }
    let logprobs = Logprobs(logits: decoding.logits)
    return GeneratedToken(
      id: id, text: "", logprob: logprobs[id], topLogprobs: logprobs.top(count))
  }

  private func finish(_ reason: FinishReason) {
    ready += assembler.finish()
    finishReason = reason
  }

  /// The prompt as it is computed: never empty, ids of the vocabulary, within the context.
  private static func fit(
    _ request: Request, into predictor: any TokenPredictor, tokenizer: any Tokenizer
  ) throws(LanguageModelError) -> [Int32] {
    var prompt = request.prompt
    let options = request.options
    if prompt.isEmpty, let beginning = tokenizer.beginningOfSequence { prompt = [beginning] }
    guard !prompt.isEmpty else { throw .emptyPrompt }
    for id in prompt where id < 0 || Int(id) >= predictor.vocabularySize {
      throw .invalidToken(id: Int(id), vocabularySize: predictor.vocabularySize)
    }
    let limit = predictor.contextLength
    guard prompt.count > limit else { return prompt }
    guard options.contextShift else {
      throw .promptTooLong(tokenCount: prompt.count, contextLength: limit)
    }
    let beginning = prompt.first == tokenizer.beginningOfSequence ? 1 : 0
    let kept = min(options.contextShiftKeep ?? beginning, limit - 1)
    return Array(prompt.prefix(kept)) + prompt.suffix(max(1, (limit - kept) / 2))
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
