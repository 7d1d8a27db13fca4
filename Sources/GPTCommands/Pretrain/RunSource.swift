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
  /// nil for a new run.
  let manifest: RunManifest?
  /// The checkpoint that the user named.
  let checkpoint: UsableCheckpoint?

  private static let corpusFolder = "corpus"

  init(command: PretrainCommand) throws {
    guard let path = command.resume else {
      let output = command.output ?? PretrainCommand.defaultOutput
      folder = try RunFolder.create(output, allowing: [Self.corpusFolder])
      arguments = try command.arguments.withAbsolutePaths()
      manifest = nil
      checkpoint = nil
      return
    }
    let (run, checkpoint) = try Self.find(path)
    folder = try RunFolder.open(run)
    let location = "\(run)/\(RunManifest.fileName)"
    let manifest = try RunManifest(path: location)
    arguments = try PretrainArguments.resumed(
      manifest, given: command.arguments, location: location)
    self.manifest = manifest
    self.checkpoint = checkpoint
  }

  /// The run's folder, and the checkpoint when `path` is one.
  private static func find(
    _ path: String
  ) throws(TrainingError) -> (run: String, checkpoint: UsableCheckpoint?) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    guard access("\(path)/trainer_state.json", F_OK) == 0 else { return (path, nil) }
    let found = try CheckpointStore.find(at: path)
    guard let run = found.runFolder else {
      throw .invalid(
        location: path, found: "a checkpoint that lies in no run",
        expected: "a run's folder or a checkpoint in its checkpoints/")
    }
    return (run, found.selection.checkpoint)
  }

  /// The corpus as tokens: what is there already, or prepared now.
  func corpus(_ interruption: Interruption) async throws -> PreparedCorpus {
    let paths = arguments.corpus.paths
    if paths.count == 1, access("\(paths[0])/manifest.json", F_OK) == 0 {
      return try openPreparedCorpus(folder: paths[0])
    }
    let target = arguments.cache ?? "\(folder.path)/\(Self.corpusFolder)"
    // A run that goes on needs its tokens, not the text they were made of.
    if manifest != nil, let corpus = try? openPreparedCorpus(folder: target) { return corpus }
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
