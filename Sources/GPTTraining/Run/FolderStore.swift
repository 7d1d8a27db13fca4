package import GPTTensor
import GPTWeights

/// A run's folder as its trainer sees it: checkpoints, and the model at the top.
package final class FolderStore: RunStore {
  /// Keeps other processes out as long as it lives.
  private let folder: RunFolder
  private let checkpoints: CheckpointStore
  private let contents: CheckpointContents
  private let manifest: RunManifest
  /// Of the model at the top of the folder; checkpoints are in fp32.
  private let savedType: DType
  /// The checkpoint that the user chose to go on from; used once.
  private var chosen: UsableCheckpoint?
  /// Where that one lies, perhaps among others of its run.
  private let origin: String?
  private let warn: (TrainingError) -> Void

  /// - Parameter warn: told of every checkpoint that cannot be used, when an older one can.
  package init(
    folder: RunFolder, checkpoints: CheckpointStore, contents: CheckpointContents,
    manifest: RunManifest, savedType: DType = .f32, chosen: UsableCheckpoint? = nil,
    warn: @escaping (TrainingError) -> Void = { _ in }
  ) {
    self.folder = folder
    self.checkpoints = checkpoints
    self.contents = contents
    self.manifest = manifest
    self.savedType = savedType
    self.chosen = chosen
    origin = chosen.map { $0.folder + "/.." }
    self.warn = warn
  }

  package func save(_ state: TrainerState) throws(TrainingError) {
    try checkpoints.save(state, contents, manifest: manifest)
  }

  package func restore() throws(TrainingError) -> TrainerState? {
    if let chosen {
      try load(chosen)
      if checkpoints.steps().isEmpty {
        // The checkpoint of another folder: a rollback needs one here.
        try save(chosen.state)
      } else {
        checkpoints.removeLater(than: chosen.state.step)
      }
      self.chosen = nil
      return chosen.state
    }
    guard !checkpoints.steps().isEmpty else { return nil }
    let selection = try checkpoints.newestUsable()
    selection.skipped.forEach(warn)
    try load(selection.checkpoint)
    return selection.checkpoint.state
  }

  package func load(step: Int) throws(TrainingError) -> Bool {
    for path in checkpoints.places(step: step, origin: origin) where Folders.exists(path) {
      do throws(TrainingError) {
        let checkpoint = try UsableCheckpoint(folder: path)
        guard checkpoint.state.step == step else { continue }
        try load(checkpoint)
        return true
      } catch { warn(error) }
    }
    return false
  }

  /// Refuses the checkpoint of another run, which may have the same shapes.
  private func load(_ checkpoint: UsableCheckpoint) throws(TrainingError) {
    try checkpoint.manifest.check(
      equals: manifest, location: "\(checkpoint.folder)/\(RunManifest.fileName)",
      reason: "as the run was")
    try checkpoint.load(into: contents)
  }

  /// A model in another type than is asked for now is made again.
  package var hasModel: Bool {
    let name = contents.model.kind.weightsName
    guard let file = try? SafetensorsFile(path: "\(folder.path)/\(name)") else { return false }
    return file.tensorNames.allSatisfy { file.tensor(named: $0)?.dtype == savedType }
  }

  package func publish(_ state: TrainerState) throws(TrainingError) {
    try contents.model.write(dtype: savedType, to: folder.path)
  }
}
