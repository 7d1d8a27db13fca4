import GPTTensor
import Glibc

/// The output folder of a run, held by one process at a time.
///
///     config.json model.safetensors tokenizer… generation_config.json   the best or last model
///     checkpoints/step-00000500/   model in fp32, optimizer.safetensors, trainer_state.json, run.json
///     run.json                     what the run was started with
///     run.lock                     empty; locked while a process trains
package final class RunFolder: Sendable {
  package let path: String
  private let lock: FolderLock

  private static let lockName = "run.lock"

  /// The folder of a new run: made when missing, else empty but for what `allowing` names.
  package static func create(_ path: String, allowing names: [String] = [])
    throws(TrainingError) -> RunFolder
  {
    do { try makeFolder(path: path) } catch { throw describe(error, path: path) }
    try DiskSpace.checkWritable(path)
    let folder = try RunFolder(locking: path)
    let present = try folder.names()
    if present.contains(RunManifest.fileName) {
      throw .invalid(
        location: path, found: "holds a run already",
        expected: "a new folder, or the run with --resume")
    }
    let foreign = present.first {
      $0 != lockName && !names.contains($0) && !isTemporary($0)
    }
    if let foreign {
      throw .invalid(
        location: path, found: "holds '\(foreign.printable())'",
        expected: "a new or empty folder")
    }
    folder.removeTemporaryFiles()
    return folder
  }

  /// The folder of a run that is there.
  package static func open(_ path: String) throws(TrainingError) -> RunFolder {
    guard Folders.exists(path + "/" + RunManifest.fileName) else {
      throw .invalid(
        location: path, found: "has no \(RunManifest.fileName)", expected: "the folder of a run")
    }
    try DiskSpace.checkWritable(path)
    let folder = try RunFolder(locking: path)
    folder.removeTemporaryFiles()
    return folder
  }

  private init(locking path: String) throws(TrainingError) {
    self.path = path
    lock = try FolderLock(path, fileName: Self.lockName, use: "trains into it")
  }

  private func names() throws(TrainingError) -> [String] {
    do { return try folderEntries(path: path).map { $0 ?? "a name that is not UTF-8" } } catch {
      throw .file(error)
    }
  }

  /// What a killed process left of files that it had not finished.
  private func removeTemporaryFiles() {
    for name in (try? names()) ?? [] where Self.isTemporary(name) { unlink(path + "/" + name) }
  }

  /// "model.safetensors.1234.partial", as `ReplacedFile` names them.
  private static func isTemporary(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    return parts.count >= 3 && parts.last == "partial"
      && parts[parts.count - 2].allSatisfy { $0.isASCII && $0.isNumber }
  }

  private static func describe(_ error: FileError, path: String) -> TrainingError {
    guard case .system(path, _, ENOTDIR) = error, Folders.exists(path) else { return .file(error) }
    return .invalid(location: path, found: "is a file", expected: "a folder, or nothing yet")
  }
}
