import GPTTensor
import Glibc

/// Folders of plain files, moved and removed with errors that name the path.
enum Folders {
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return !path.utf8.contains(0) && lstat(path, &status) == 0
  }

  static func rename(_ path: String, to newPath: String) throws(FileError) {
    guard Glibc.rename(path, newPath) == 0 else {
      throw .system(path: newPath, operation: "rename the new folder to it", code: errno)
    }
    synchroniseFolder(of: newPath)
  }

  /// Removes a folder of plain files; one that is not there is removed already.
  static func remove(_ path: String) throws(FileError) {
    guard exists(path) else { return }
    for name in try folderEntries(path: path) {
      if let name { unlink(path + "/" + name) }
    }
    guard rmdir(path) == 0 else {
      throw .system(path: path, operation: "remove the folder", code: errno)
    }
  }
}
