internal import GPTJSON

/// How a corpus is prepared; equal options on equal inputs give equal token shards.
package struct PreparationOptions: Sendable, Equatable {
  package enum Deduplication: String, Sendable, CaseIterable { case near, exact, off }

  package enum TokenizerChoice: Sendable, Equatable {
    /// A vocabulary is trained on the training documents; a size of nil is chosen by their size.
    case trained(algorithm: Algorithm, vocabularySize: Int?)
    /// A tokenizer that is there: a folder in Hugging Face's layout or a SentencePiece .model file.
    case existing(path: String)
    /// One token a byte.
    case bytes
    /// One token for each character that the corpus has.
    case characters
  }

  package enum Algorithm: String, Sendable, CaseIterable { case bpe, unigram }

  /// The member of a JSONL line that holds the text.
  package var textField = "text"
  package var deduplication = Deduplication.near
  /// Share of the corpus that is kept from training, above 0 and at most 0.5.
  package var validationShare = 0.05
  package var tokenizer = TokenizerChoice.trained(algorithm: .bpe, vocabularySize: nil)
  /// Where the prepared corpus goes.
  package var folder: String
  /// Threads that encode; the result does not depend on it.
  package var threadCount = 1

  package init(folder: String) { self.folder = folder }

  func check() throws(TrainingError) {
    guard validationShare > 0, validationShare <= 0.5 else {
      throw .invalid(
        location: "validation share", found: "\(validationShare)",
        expected: "above 0 and at most 0.5")
    }
    guard !textField.isEmpty else {
      throw .invalid(location: "text field", found: "an empty name", expected: "a name")
    }
    if case .trained(_, let size?) = tokenizer, !(2...1 << 20).contains(size) {
      throw .invalid(location: "vocabulary size", found: "\(size)", expected: "2 to \(1 << 20)")
    }
  }
}

/// How far a preparation is.
package struct PreparationProgress: Sendable, Equatable {
  package enum Phase: String, Sendable {
    case checking = "checking what is there"
    case reading = "reading"
    case trainingTokenizer = "training the tokenizer"
    case encoding = "encoding"
  }

  package var phase: Phase
  package var doneBytes: Int
  /// nil when nobody knows, as for standard input.
  package var totalBytes: Int?
}

/// What the stages of a preparation tell and ask the outside.
final class PreparationMonitor {
  private let progress: (PreparationProgress) -> Void
  private let isCancelled: () -> Bool

  init(
    progress: @escaping (PreparationProgress) -> Void, isCancelled: @escaping () -> Bool
  ) {
    self.progress = progress
    self.isCancelled = isCancelled
  }

  /// Reports, and throws when the user wants to stop.
  func report(
    _ phase: PreparationProgress.Phase, _ doneBytes: Int, of totalBytes: Int?
  ) throws(TrainingError) {
    progress(PreparationProgress(phase: phase, doneBytes: doneBytes, totalBytes: totalBytes))
    guard !isCancelled() else { throw .interrupted }
  }

  var shouldStop: Bool { isCancelled() }
}
