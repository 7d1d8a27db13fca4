internal import GPTJSON
internal import GPTTraining

/// Preparing a corpus with progress on standard error, for the commands that do it.
enum CorpusPreparation {
  static func run(
    _ paths: [String], options: PreparationOptions, interruption: Interruption
  ) async throws -> PreparedCorpus {
    try await interruption.guarding {
      let line = ProgressLine()
      defer { line.clear() }
      var phase: PreparationProgress.Phase?
      var estimate = RateEstimate()
      return try prepareCorpus(
        paths, options: options,
        progress: { progress in
          if progress.phase != phase { estimate = RateEstimate() }
          phase = progress.phase
          line.show { text(progress, estimate) }
        }, isCancelled: { Task.isCancelled })
    }
  }

  /// "reading 12.3 MB of 100.0 MB, 8.1 MB/s, 11 s left"
  private static func text(_ progress: PreparationProgress, _ estimate: RateEstimate) -> String {
    let done = Double(progress.doneBytes)
    var text = "\(progress.phase.rawValue) \(megabytes(progress.doneBytes))"
    if let total = progress.totalBytes { text += " of \(megabytes(total))" }
    guard progress.doneBytes > 0 else { return text }
    text += ", \((estimate.rate(done: done) / 1e6).rounded(to: 1)) MB/s"
    if let total = progress.totalBytes,
      let seconds = estimate.secondsLeft(done: done, total: Double(total))
    {
      text += ", \(RateEstimate.text(seconds: seconds)) left"
    }
    return text
  }

  private static func megabytes(_ bytes: Int) -> String {
    "\((Double(bytes) / 1e6).rounded(to: 1)) MB"
  }

  /// Lines for people.
  static func summary(of corpus: PreparedCorpus) -> [String] {
    let counts = corpus.counts
    var lines = [
      "\(counts.documents) documents, \(megabytes(counts.textBytes)) of text kept; "
        + "left out: \(counts.exactDuplicates) equal, \(counts.nearDuplicates) nearly equal",
      "\(corpus.trainingTokens) tokens to train on, \(corpus.validationTokens) for validation, "
        + "vocabulary of \(corpus.vocabularySize)",
    ]
    if counts.repairedSequences + counts.removedControls > 0 {
      lines.append(
        "repaired \(counts.repairedSequences) sequences that were not UTF-8, removed "
          + "\(counts.removedControls) control characters")
    }
    return lines
  }

  static func json(of corpus: PreparedCorpus) -> JSONValue {
    JSONValue(members: [
      ("folder", .string(corpus.folder)), ("reused", .boolean(corpus.wasReused)),
      ("counts", corpus.counts.json), ("vocabulary_size", .integer(corpus.vocabularySize)),
      ("end_of_document", corpus.endOfDocument.map { .integer(Int($0)) } ?? .null),
      ("training_tokens", .integer(corpus.trainingTokens)),
      ("training_bytes", .integer(corpus.trainingBytes)),
      ("validation_tokens", .integer(corpus.validationTokens)),
      ("validation_bytes", .integer(corpus.validationBytes)),
      ("manifest_sha256", .string(corpus.manifestHash)),
    ])
  }
}
