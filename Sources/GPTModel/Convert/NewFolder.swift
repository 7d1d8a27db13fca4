import GPTTensor
import Glibc

/// Where a folder's files are written: beside a folder that is not there yet, under a name that it
/// takes when it is whole; else in the folder itself.
final class NewFolder {
  /// What to write into.
  let path: String
  private let target: String
  private let isNew: Bool
  private var isCommitted = false

  init(_ target: String) throws(FileError) {
    let parts = target.split(separator: "/")
    self.target = (target.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    isNew = !parts.isEmpty && !Folders.exists(self.target)
    path = isNew ? "\(self.target).\(getpid()).partial" : target
    try makeFolder(path: path)
  }

  /// Removes what was written into a new folder, unless it was committed.
  deinit {
    if isNew, !isCommitted { try? Folders.remove(path) }
  }

  func commit() throws(FileError) {
    if isNew { try Folders.rename(path, to: target) }
    isCommitted = true
  }
}
