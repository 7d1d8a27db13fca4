internal import GPTTensor
import Glibc

/// The folder that a prepared corpus goes to, held by one process at a time.
///
/// Only a folder that holds nothing, or what an earlier preparation left, is written into: names
/// like tokenizer.json are also those of other people's models.
struct PreparedFolder {
  let path: String
  private let lock: FolderLock

  /// Also tells a preparation that was cut short from files of somebody else.
  private static let lockName = "prepare.lock"
  private static let spoolName = "documents.spool"

  var spoolPath: String { "\(path)/\(Self.spoolName)" }

  /// Makes the folder when it is missing, and locks it.
  init(_ path: String) throws(TrainingError) {
    self.path = path
    do { try makeFolder(path: path) } catch { throw .file(error) }
    try Self.checkOwn(path)
    lock = try FolderLock(path, fileName: Self.lockName, use: "prepares a corpus in it")
  }

  private static func checkOwn(_ path: String) throws(TrainingError) {
    let names = try Self.names(in: path)
    guard let first = names.first, !names.contains(lockName) else { return }
    if names.contains(CorpusManifest.fileName), (try? CorpusManifest.read(folder: path)) != nil {
      return
    }
    throw .invalid(
      location: path,
      found: "holds '\((first ?? "a name that is not UTF-8").printable(limit: 100))' and no "
        + "prepared corpus",
      expected: "a new or empty folder; choose another one, or empty this one")
  }

  private static func names(in path: String) throws(TrainingError) -> [String?] {
    do { return try folderEntries(path: path) } catch { throw .file(error) }
  }

  /// Texts that killed preparations left; they are as large as their corpora.
  func removeSpools() throws(TrainingError) {
    for case let name? in try Self.names(in: path) where name.hasPrefix(Self.spoolName) {
      unlink("\(path)/\(name)")
    }
  }

  /// The corpus of earlier preparations, finished or not.
  func removeCorpus() throws(TrainingError) {
    // The manifest first: without it nobody takes the rest for a corpus.
    unlink("\(path)/\(CorpusManifest.fileName)")
    for case let name? in try Self.names(in: path) {
      let stem =
        name.hasSuffix(".partial") ? String(name.dropLast(8).prefix { $0 != "." }) + ".bin" : name
      if ShardFile.isName(stem) { unlink("\(path)/\(name)") }
    }
  }
}
