internal import ArgumentParser
internal import GPTTraining

/// What text to train on and how it becomes tokens.
struct CorpusArguments: ParsableArguments {
  enum Dedupe: String, ExpressibleByArgument, CaseIterable { case near, exact, off }
  enum TokenizerType: String, ExpressibleByArgument, CaseIterable { case bpe, unigram }

  @Argument(
    help: ArgumentHelp(
      "Text files, folders (recursively), JSON lines (.jsonl), any of them packed with gzip; "
        + "- for standard input.", valueName: "path"))
  var paths: [String] = []

  @Option(help: ArgumentHelp("Member of a JSON line that holds the text.", valueName: "name"))
  var textField = "text"

  @Option(help: "Leave out documents that repeat an earlier one.")
  var dedupe = Dedupe.near

  @Option(
    help: "Share of the corpus for validation: by document, or the end of each when they are few.")
  var validationShare = 0.05

  @Option(
    help: ArgumentHelp(
      "Tokenizer's folder or SentencePiece .model, 'bytes' or 'characters' "
        + "(default: one is trained).", valueName: "path-or-kind"))
  var tokenizer: String?

  @Option(help: "Tokens of the trained vocabulary (default: by the size of the corpus).")
  var vocabularySize: Int?

  @Option(help: "How the vocabulary is trained.")
  var tokenizerType = TokenizerType.bpe

  func validate() throws {
    if !(validationShare > 0 && validationShare <= 0.5) {
      throw ValidationError("--validation-share must be above 0 and at most 0.5.")
    }
    if let vocabularySize, !(2...1 << 20).contains(vocabularySize) {
      throw ValidationError("--vocabulary-size must be between 2 and \(1 << 20).")
    }
    if tokenizer != nil, vocabularySize != nil {
      throw ValidationError("--vocabulary-size is for a tokenizer that is trained.")
    }
    if textField.isEmpty { throw ValidationError("--text-field must not be empty.") }
  }

  /// - Parameter folder: where the prepared corpus goes
  func options(folder: String, threads: Int) -> PreparationOptions {
    var options = PreparationOptions(folder: folder)
    options.textField = textField
    options.deduplication =
      switch dedupe {
      case .near: .near
      case .exact: .exact
      case .off: .off
      }
    options.validationShare = validationShare
    options.threadCount = threads
    options.tokenizer =
      switch tokenizer {
      case "bytes": .bytes
      case "characters": .characters
      case let path?: .existing(path: path)
      case nil:
        .trained(
          algorithm: tokenizerType == .bpe ? .bpe : .unigram, vocabularySize: vocabularySize)
      }
    return options
  }
}
