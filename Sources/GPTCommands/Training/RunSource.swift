internal import GPTTraining

/// Where a run's options come from: the command line, or the run that is gone on with.
struct RunSource<Arguments: RunArguments>: Sendable {
  /// The run that is gone on with.
  struct Earlier: Sendable {
    let manifest: RunManifest
    /// Of its run.json.
    let path: String
  }

  let arguments: Arguments
  /// nil for a new run.
  let earlier: Earlier?
  /// The checkpoint that the user named.
  let checkpoint: UsableCheckpoint?
  /// Whether the folder has no run yet.
  let isNewFolder: Bool
  /// The folder of the run that is gone on with, locked.
  private let present: RunFolder?
  private let output: String

  /// - Parameter given: on the command line, with absolute paths
  init(_ given: Arguments, _ options: RunOptions) throws {
    let output = options.output
    self.output = output ?? RunOptions.defaultOutput
    guard let resume = options.resume else {
      arguments = given
      earlier = nil
      checkpoint = nil
      isNewFolder = true
      present = nil
      return
    }
    let point = try ResumePoint(at: resume)
    let origin: String
    switch point {
    case .run(let run) where output == nil: (origin, checkpoint) = (run, nil)
    case .run(let run):
      let selection = try CheckpointStore(runFolder: run, keepLast: 1).newestUsable()
      for error in selection.skipped { StandardError.print("warning: \(error)") }
      (origin, checkpoint) = (selection.checkpoint.folder, selection.checkpoint)
    case .checkpoint(let named, let run):
      (origin, checkpoint) = (run ?? named.folder, named)
    }
    let path = "\(origin)/\(RunManifest.fileName)"
    isNewFolder = output != nil || origin == checkpoint?.folder
    present = isNewFolder ? nil : try RunFolder.open(origin)
    let manifest = try RunManifest(path: path)
    arguments = try Arguments.resumed(manifest, given: given, location: path)
    earlier = Earlier(manifest: manifest, path: path)
  }

  /// The run's folder, made when it is a new one.
  ///
  /// - Parameter names: what a new run's folder may hold already
  func openFolder(allowing names: [String] = []) throws(TrainingError) -> RunFolder {
    if let present { return present }
    return try RunFolder.create(output, allowing: names)
  }
}
