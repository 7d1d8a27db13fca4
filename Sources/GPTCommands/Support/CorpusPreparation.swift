internal import GPTJSON
internal import GPTTraining
import Synchronization

/// Preparing a corpus with progress on standard error, for the commands that do it.
enum CorpusPreparation {
  static func run(
    _ paths: [String], options: PreparationOptions, interruption: Interruption
  ) async throws -> PreparedCorpus {
    let isLearning = LearningFlag()
    return try await interruption.guarding {
      try await withTaskCancellationHandler {
        try prepare(paths, options: options, isLearning: isLearning)
      } onCancel: {
        // The library that learns the vocabulary cannot be asked to stop.
        if isLearning.isSet {
          StandardError.print("stopping after the vocabulary is trained; once more ends at once")
        }
      }
    }
  }

  private static func prepare(
    _ paths: [String], options: PreparationOptions, isLearning: LearningFlag
  ) throws -> PreparedCorpus {
    let line = ProgressLine()
    defer { line.clear() }
    var phase: PreparationProgress.Phase?
    var estimate = RateEstimate()
    return try prepareCorpus(
      paths, options: options,
      progress: { progress in
        if progress.phase != phase { estimate = RateEstimate() }
        phase = progress.phase
        isLearning.set(progress.phase == .trainingTokenizer)
        line.show { text(progress, estimate) }
      }, isCancelled: { Task.isCancelled })
  }

  /// Whether the vocabulary is being learned: set by who prepares, read by the signal handler.
  private final class LearningFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set(_ value: Bool) { flag.store(value, ordering: .relaxed) }
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
