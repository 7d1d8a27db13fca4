internal import GPTOps
internal import GPTTraining

/// The text of a pretraining run as tokens.
struct PretrainCorpus {
  static let folderName = "corpus"
  let arguments: PretrainArguments
  /// Of the run.
  let folder: String
  /// Whether the run is gone on with.
  let isResumed: Bool

  /// What is there already, or prepared now.
  func open(_ interruption: Interruption) async throws -> PreparedCorpus {
    let paths = arguments.corpus.paths
    if paths.count == 1, try isPreparedCorpus(folder: paths[0]) {
      return try openPreparedCorpus(folder: paths[0])
    }
    let target = arguments.cache ?? "\(folder)/\(Self.folderName)"
    // A run that goes on needs its tokens, not the text they were made of.
    if isResumed, try isPreparedCorpus(folder: target) {
      do { return try openPreparedCorpus(folder: target) } catch {
        StandardError.print("warning: \(error); preparing the corpus again")
      }
    }
    let threads = arguments.training.threads ?? ComputeContext.availableThreadCount
    let corpus = try await CorpusPreparation.run(
      paths, options: arguments.corpus.options(folder: target, threads: threads),
      interruption: interruption)
    CorpusPreparation.summary(of: corpus).forEach(StandardError.print)
    return corpus
  }
}
