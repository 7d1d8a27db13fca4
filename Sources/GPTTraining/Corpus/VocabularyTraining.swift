internal import GPTTokenizer

/// Learns the vocabulary of a corpus.
struct VocabularyTraining {
  /// Vocabularies for corpora of at least so many bytes, when none is asked for.
  private static let sizes: [(bytes: Int, vocabularySize: Int)] = [
    (4 << 30, 32768), (256 << 20, 16384), (16 << 20, 8192), (1_000_000, 4096), (250_000, 2048),
    (60_000, 1024), (0, 512),
  ]
  /// Text that the library keeps in memory: BPE takes about 10 bytes for one of text, unigram with
  /// its suffix array about 40.
  private static let sampleBytes: [PreparationOptions.Algorithm: Int] = [
    .bpe: 64 << 20, .unigram: 16 << 20,
  ]
  /// How SentencePiece writes a space.
  private static let space = "\u{2581}"

  let algorithm: PreparationOptions.Algorithm
  /// nil: by the size of the corpus, and smaller when it does not give as much.
  let vocabularySize: Int?

  /// - Returns: a serialized ModelProto that encodes any text so that it comes back as it was (but
  ///   for U+2581, which is SentencePiece's sign for a space)
  func train(
    _ split: CorpusSplit, _ spool: DocumentSpool, trainingBytes: Int, monitor: PreparationMonitor
  ) throws(TrainingError) -> [UInt8] {
    var size =
      vocabularySize ?? Self.sizes.first { trainingBytes >= $0.bytes }?.vocabularySize ?? 512
    let sentences = TrainingSentences(
      split, spool, trainingBytes: trainingBytes,
      byteLimit: Self.sampleBytes[algorithm] ?? 16 << 20, shouldStop: { monitor.shouldStop })
    while true {
      let result = Result { () throws(TokenizerError) in
        try trainer(size).train(WithSpace(sentences: sentences))
      }
      if monitor.shouldStop { throw .interrupted }
      switch result {
      case .success(let model): return model
      case .failure(let error):
        // Many different characters need a larger vocabulary than the size of the text suggests.
        guard vocabularySize == nil, size < 1 << 16, required(error) != nil else {
          throw explained(error, size)
        }
        size *= 2
      }
    }
  }

  private func trainer(_ size: Int) -> SentencePieceTrainer {
    var trainer = SentencePieceTrainer(vocabularySize: size)
    trainer.algorithm = algorithm == .bpe ? .bpe : .unigram
    trainer.addsDummyPrefix = false
    trainer.hasHardVocabularyLimit = vocabularySize != nil
    trainer.userDefinedSymbols = ["\n"]
    // The model keeps the number, and the sums of unigram depend on it; so it is always the same.
    trainer.threadCount = 4
    // Without a piece for the space, spaces would come back as U+2581.
    trainer.extraOptions = [
      "required_chars": Self.space, "allow_whitespace_only_pieces": "true",
    ]
    return trainer
  }

  /// The library ends the process when a required character does not occur.
  private struct WithSpace: Sequence {
    let sentences: TrainingSentences

    func makeIterator() -> AnyIterator<String> {
      var inner = sentences.makeIterator()
      var isLast = false
      return AnyIterator {
        if let next = inner.next() { return next }
        defer { isLast = true }
        return isLast ? nil : " "
      }
    }
  }

  /// The size that the library says is the least.
  private func required(_ error: TokenizerError) -> Int? {
    let text = error.description
    return text.contains("required_chars") ? number(in: text, after: " vs ") : nil
  }

  /// The library's complaint with the size that works, when it names one.
  private func explained(_ error: TokenizerError, _ size: Int) -> TrainingError {
    let text = error.description
    if let least = required(error) {
      return .invalid(
        location: "vocabulary size", found: "\(size), too small for the corpus's characters",
        expected: "at least \(least)")
    }
    if let most = number(in: text, after: "set it to a value <= ") {
      return .invalid(
        location: "vocabulary size", found: "\(size), larger than the corpus gives",
        expected: "at most \(most)")
    }
    return .tokenizer(error)
  }

  private func number(in text: String, after words: String) -> Int? {
    guard let range = text.firstRange(of: words) else { return nil }
    return Int(text[range.upperBound...].prefix { $0.isASCII && $0.isNumber })
  }
}
