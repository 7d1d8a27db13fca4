import GPTTensor
import Glibc

/// The checkpoints of a run.
///
/// A checkpoint is written into `step-….partial`, each file synchronised, and renamed when it is
/// whole; older ones are removed only then. A process that dies at any moment, or a disk that
/// fills up, leaves all earlier checkpoints as they were.
package struct CheckpointStore: Sendable {
  package let runFolder: String
  /// Checkpoints kept beside the best, at least one.
  package let keepLast: Int

  private var folder: String { runFolder + "/" + Self.folderName }
  static let folderName = "checkpoints"
  private static let temporarySuffix = ".partial"
  private static let replacedSuffix = ".replaced.partial"
  private static let removedSuffix = ".removed.partial"

  package init(runFolder: String, keepLast: Int) {
    precondition(keepLast >= 1, "\(keepLast) checkpoints kept")
    self.runFolder = runFolder
    self.keepLast = keepLast
  }

  /// Asks for room for the checkpoints that are kept, the best, the one being written, and the
  /// run's own model with its replacement, but for those that are there.
  package func checkSpace(for contents: CheckpointContents) throws(TrainingError) {
    let count = max(1, keepLast + 2 - steps().count)
    let hasModel = Folders.exists("\(runFolder)/\(contents.model.kind.weightsName)")
    let (checkpoints, overflow) = contents.checkpointBytes.multipliedReportingOverflow(by: count)
    let (bytes, isHuge) = checkpoints.addingReportingOverflow(
      (hasModel ? 1 : 2) * contents.model.byteCount)
    try DiskSpace.check(
      runFolder, has: overflow || isHuge ? .max : bytes,
      for: "\(count) checkpoint\(count == 1 ? "" : "s") of "
        + "\(DiskSpace.text(contents.checkpointBytes)) and the model")
  }

  /// Writes a checkpoint and removes those that are not kept, and any of later steps: they belong
  /// to a course of the run that was given up.
  ///
  /// - Returns: the checkpoint's folder.
  /// - Throws: when it could not be written; nothing is left of it then.
  @discardableResult
  package func save(
    _ state: TrainerState, _ contents: CheckpointContents, manifest: RunManifest
  ) throws(TrainingError) -> String {
    let final = path(step: state.step)
    let temporary = final + Self.temporarySuffix
    do throws(FileError) {
      try makeFolder(path: folder)
      try Folders.remove(temporary)
      try makeFolder(path: temporary)
    } catch { throw .file(error) }
    do {
      try write(state, contents, manifest: manifest, to: temporary)
      try putInPlace(temporary, as: final)
    } catch {
      try? Folders.remove(temporary)
      throw error
    }
    removeOthers(than: state)
    return final
  }

  private func write(
    _ state: TrainerState, _ contents: CheckpointContents, manifest: RunManifest,
    to folder: String
  ) throws(TrainingError) {
    try contents.model.write(dtype: .f32, to: folder)
    try OptimizerFile.write(contents.stateTensors, to: folder + "/" + OptimizerFile.name)
    try manifest.write(to: folder + "/" + RunManifest.fileName)
    do throws(FileError) {
      var files: [CheckpointRecord.SealedFile] = []
      for case let name? in try folderEntries(path: folder) {
        let seal = try FileSeal(ofFile: folder + "/" + name)
        files.append(CheckpointRecord.SealedFile(name: name, seal: seal))
      }
      let record = CheckpointRecord(state: state, files: files)
      try ReplacedFile.write(record.encoded, to: folder + "/" + CheckpointRecord.fileName)
    } catch { throw .file(error) }
  }

  private func putInPlace(_ temporary: String, as final: String) throws(TrainingError) {
    do throws(FileError) {
      if Folders.exists(final) {
        try replace(final, by: temporary)
      } else {
        try Folders.rename(temporary, to: final)
      }
    } catch { throw .file(error) }
  }

  /// A folder cannot be renamed over another that is not empty; `removeTemporaryFolders` puts the
  /// old one back should the process die between the two renames.
  private func replace(_ final: String, by temporary: String) throws(FileError) {
    let replaced = final + Self.replacedSuffix
    try Folders.remove(replaced)
    try Folders.rename(final, to: replaced)
    try Folders.rename(temporary, to: final)
    try? Folders.remove(replaced)
  }

  /// A checkpoint that cannot be removed costs room, not the run.
  private func removeOthers(than state: TrainerState) {
    let steps = steps()
    let past = steps.filter { $0 <= state.step }
    // The best model may have come between two checkpoints: the run reaches it again from here.
    let best = state.bestStep.flatMap { best in past.last { $0 <= best } }
    let kept = past.suffix(keepLast) + (best.map { [$0] } ?? [])
    for step in steps where !kept.contains(step) { remove(step) }
  }

  /// Removes the checkpoints of a course of the run that was given up.
  func removeLater(than step: Int) {
    for later in steps().reversed() where later > step { remove(later) }
  }

  private func remove(_ step: Int) {
    // Renamed first, so that a checkpoint half removed does not look like a damaged one.
    let doomed = path(step: step) + Self.removedSuffix
    guard (try? Folders.rename(path(step: step), to: doomed)) != nil else { return }
    try? Folders.remove(doomed)
  }

  /// Removes what a killed process left unfinished, and puts back what it was about to replace.
  ///
  /// To be called once the run's folder is locked, before a checkpoint is looked for.
  package func removeTemporaryFolders() {
    for case let name? in (try? folderEntries(path: folder)) ?? []
    where name.hasPrefix("step-") && name.hasSuffix(Self.temporarySuffix) {
      let path = folder + "/" + name
      let original = String(path.dropLast(Self.replacedSuffix.count))
      if name.hasSuffix(Self.replacedSuffix), !Folders.exists(original) {
        try? Folders.rename(path, to: original)
      } else {
        try? Folders.remove(path)
      }
    }
  }

  /// The newest checkpoint whose files are all there and undamaged.
  package func newestUsable() throws(TrainingError) -> CheckpointSelection {
    var skipped: [TrainingError] = []
    for step in steps().reversed() {
      do {
        let checkpoint = try UsableCheckpoint(folder: path(step: step))
        return CheckpointSelection(checkpoint: checkpoint, skipped: skipped)
      } catch {
        skipped.append(error)
      }
    }
    guard let first = skipped.first else {
      throw .invalid(
        location: runFolder, found: "has no checkpoint", expected: "at least one to resume from")
    }
    guard skipped.count > 1 else { throw first }
    throw .invalid(
      location: runFolder,
      found: "has \(skipped.count) checkpoints, all damaged; of the newest, \(first.description)",
      expected: "one that is whole")
  }

  /// Steps that have a checkpoint, ascending.
  package func steps() -> [Int] {
    ((try? folderEntries(path: folder)) ?? []).compactMap { name in
      guard let name, name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0,
        self.path(step: step) == folder + "/" + name
      else { return nil }
      return step
    }.sorted()
  }

  /// Where the checkpoint of a step may be: here, or beside the one that the run came from.
  func places(step: Int, origin: String?) -> [String] {
    [path(step: step)] + (origin.map { ["\($0)/\(name(step: step))"] } ?? [])
  }

  private func path(step: Int) -> String { "\(folder)/\(name(step: step))" }

  private func name(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }
}
