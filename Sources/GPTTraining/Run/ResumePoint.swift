import GPTTensor
import Glibc

/// What `--resume PATH` means.
package enum ResumePoint: Sendable {
  /// A run's folder: its newest checkpoint, or its start when it has none yet.
  case run(folder: String)
  /// A checkpoint, and the folder of the run that it lies in; nil when it was copied out of it.
  case checkpoint(UsableCheckpoint, runFolder: String?)

  package init(at path: String) throws(TrainingError) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    guard Self.isCheckpoint(path) else {
      self = .run(folder: path)
      return
    }
    self = .checkpoint(try UsableCheckpoint(folder: path), runFolder: Self.runFolder(of: path))
  }

  /// Also true of a damaged one: a run without checkpoints has neither model nor optimizer.
  private static func isCheckpoint(_ path: String) -> Bool {
    guard !Folders.exists("\(path)/\(CheckpointStore.folderName)") else { return false }
    let names =
      [CheckpointRecord.fileName, OptimizerFile.name]
      + SavedKind.allCases.flatMap { [$0.weightsName, $0.configurationName] }
    return names.contains { Folders.exists("\(path)/\($0)") }
  }

  private static func runFolder(of path: String) -> String? {
    guard let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    let parts = String(cString: pointer).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[parts.count - 2] == CheckpointStore.folderName else { return nil }
    let folder = parts.dropLast(2).joined(separator: "/")
    return Folders.exists("\(folder)/\(RunManifest.fileName)") ? folder : nil
  }
}
