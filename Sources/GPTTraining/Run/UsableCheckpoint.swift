import GPTTensor
import GPTWeights
import Glibc

/// A checkpoint folder whose files are all there and undamaged.
package struct UsableCheckpoint: Sendable {
  package let folder: String
  package let state: TrainerState
  package let manifest: RunManifest

  private static func requiredFiles(_ record: CheckpointRecord) -> [String] {
    let present = SavedKind.allCases.first { model in
      record.files.contains { [model.weightsName, model.configurationName].contains($0.name) }
    }
    let model = present ?? .model
    return [
      model.configurationName, model.weightsName, OptimizerFile.name, RunManifest.fileName,
    ]
  }

  /// Reads every byte of the folder's files and compares them with their seals; files beside
  /// those that the checkpoint lists do not count.
  package init(folder: String) throws(TrainingError) {
    let recordPath = folder + "/" + CheckpointRecord.fileName
    guard Folders.exists(recordPath) else {
      throw .invalid(
        location: folder,
        found: Folders.exists(folder)
          ? "has no \(CheckpointRecord.fileName)" : "does not exist",
        expected: "the folder of a checkpoint")
    }
    let record = try CheckpointRecord(path: recordPath)
    for name in Self.requiredFiles(record)
    where !record.files.contains(where: { $0.name == name }) {
      throw .invalid(location: recordPath, found: "does not list \(name)", expected: "it")
    }
    for file in record.files { try Self.check(file, in: folder) }
    self.folder = folder
    state = record.state
    manifest = try RunManifest(path: folder + "/" + RunManifest.fileName)
  }

  private static func check(_ file: CheckpointRecord.SealedFile, in folder: String)
    throws(TrainingError)
  {
    let path = folder + "/" + file.name
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .invalid(
        location: path, found: "is missing", expected: "a file of \(file.seal.byteCount) bytes")
    }
    guard status.st_mode & S_IFMT != S_IFREG || Int(status.st_size) == file.seal.byteCount else {
      throw .invalid(
        location: path, found: "has \(status.st_size) bytes",
        expected: "\(file.seal.byteCount) as \(CheckpointRecord.fileName) says")
    }
    let seal: FileSeal
    do { seal = try FileSeal(ofFile: path) } catch { throw .file(error) }
    guard seal == file.seal else {
      throw .invalid(
        location: path, found: "is damaged (XXH64 \(seal.hash))",
        expected: "\(file.seal.hash.printable()) as \(CheckpointRecord.fileName) says")
    }
  }

  /// Restores parameters, optimizer and averages bit for bit.
  ///
  /// Nothing is changed unless every tensor of model and optimizer is there in its shape.
  package func load(into contents: CheckpointContents) throws(TrainingError) {
    let targets = contents.stateTensors
    let copyWeights = try contents.model.open(folder)
    let stored = try OptimizerFile.open(folder + "/" + OptimizerFile.name, holding: targets)
    copyWeights()
    for (source, target) in zip(stored, targets) {
      source.dequantise(
        rows: 0..<target.tensor.rows, into: target.tensor.pointer,
        rowStride: target.tensor.stride)
      source.releasePages()
    }
  }
}

/// A checkpoint to go on from, and newer ones that could not be used.
package struct CheckpointSelection: Sendable {
  package let checkpoint: UsableCheckpoint
  /// One line each, the newest first.
  package let skipped: [TrainingError]
}
