internal import ArgumentParser
internal import GPTJSON
internal import GPTOps
internal import GPTTensor
internal import GPTTraining
import Glibc

/// Where a run's options come from: the command line, or the run that is gone on with.
struct RunSource: Sendable {
  let arguments: PretrainArguments
  let folder: RunFolder
  /// Of the run that is gone on with, and its path; nil for a new one.
  let manifest: RunManifest?
  let manifestPath: String?
  /// The checkpoint that the user named.
  let checkpoint: UsableCheckpoint?
  /// Whether the folder has no run yet.
  let isNewFolder: Bool

  private static let corpusFolder = "corpus"

  init(command: PretrainCommand) throws {
    guard let path = command.resume else {
      folder = try Self.newFolder(command.output)
      arguments = try command.arguments.withAbsolutePaths()
      manifest = nil
      manifestPath = nil
      checkpoint = nil
      isNewFolder = true
      return
    }
    let point = try ResumePoint(at: path)
    let origin: String
    switch point {
    case .run(let run) where command.output == nil: (origin, checkpoint) = (run, nil)
    case .run(let run):
      let selection = try CheckpointStore(runFolder: run, keepLast: 1).newestUsable()
      for error in selection.skipped { StandardError.print("warning: \(error)") }
      (origin, checkpoint) = (selection.checkpoint.folder, selection.checkpoint)
    case .checkpoint(let named, let run):
      (origin, checkpoint) = (run ?? named.folder, named)
    }
    let location = "\(origin)/\(RunManifest.fileName)"
    isNewFolder = command.output != nil || origin == checkpoint?.folder
    let present = isNewFolder ? nil : try RunFolder.open(origin)
    let manifest = try RunManifest(path: location)
    arguments = try PretrainArguments.resumed(
      manifest, given: command.arguments, location: location)
    self.manifest = manifest
    manifestPath = location
    folder = try present ?? Self.newFolder(command.output)
  }

  private static func newFolder(_ path: String?) throws(TrainingError) -> RunFolder {
    try RunFolder.create(path ?? PretrainCommand.defaultOutput, allowing: [corpusFolder])
  }

  /// The corpus as tokens: what is there already, or prepared now.
  func corpus(_ interruption: Interruption) async throws -> PreparedCorpus {
    let paths = arguments.corpus.paths
    if paths.count == 1, try isPreparedCorpus(folder: paths[0]) {
      return try openPreparedCorpus(folder: paths[0])
    }
    let target = arguments.cache ?? "\(folder.path)/\(Self.corpusFolder)"
    // A run that goes on needs its tokens, not the text they were made of.
    if manifest != nil, try isPreparedCorpus(folder: target) {
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

extension PretrainArguments {
  /// So that the run can be gone on with from anywhere.
  fileprivate func withAbsolutePaths() throws(CommandError) -> PretrainArguments {
    guard let pointer = getcwd(nil, 0) else { throw .system(location: ".", code: errno) }
    defer { free(pointer) }
    let current = String(cString: pointer)
    func absolute(_ path: String) -> String {
      path.hasPrefix("/") || path == "-" ? path : "\(current)/\(path)"
    }
    var result = self
    result.corpus.paths = corpus.paths.map(absolute)
    result.cache = cache.map(absolute)
    if let tokenizer = corpus.tokenizer, !["bytes", "characters"].contains(tokenizer) {
      result.corpus.tokenizer = absolute(tokenizer)
    }
    return result
  }
}
