import Glibc

/// Makes the folder at `path` and those it lies in; one that is there already is fine.
package func makeFolder(path: String) throws(FileError) {
  guard !path.utf8.contains(0) else { throw .unusablePath(path: path) }
  var prefix = path.hasPrefix("/") ? "/" : ""
  for part in path.split(separator: "/") {
    prefix += (prefix.isEmpty || prefix.hasSuffix("/") ? "" : "/") + part
    guard mkdir(prefix, 0o755) != 0, errno != EEXIST else { continue }
    let code = errno
    // A parent on a read-only file system is reported as such though it exists.
    var status = stat()
    if stat(prefix, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { continue }
    throw .system(path: prefix, operation: "make the folder", code: code)
  }
  var status = stat()
  guard stat(path, &status) == 0 else {
    throw .system(path: path, operation: "make the folder", code: errno)
  }
  guard status.st_mode & S_IFMT == S_IFDIR else {
    throw .system(path: path, operation: "make the folder", code: ENOTDIR)
  }
}

/// The names in a folder but `.` and `..`, in the order of their bytes; nil for names that are not
/// UTF-8.
package func folderEntries(path: String) throws(FileError) -> [String?] {
  guard !path.utf8.contains(0) else { throw .unusablePath(path: path) }
  guard let stream = opendir(path) else {
    throw .system(path: path, operation: "open it", code: errno)
  }
  defer { closedir(stream) }
  var names: [String?] = []
  errno = 0
  while let entry = readdir(stream) {
    let name: String? = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
        String(validatingCString: $0)
      }
    }
    if name != ".", name != ".." { names.append(name) }
    errno = 0
  }
  guard errno == 0 else { throw .system(path: path, operation: "read it", code: errno) }
  return names.sorted { ($0 ?? "").utf8.lexicographicallyPrecedes(($1 ?? "").utf8) }
}

/// Folders of plain files, moved and removed with errors that name the path.
package enum Folders {
  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return !path.utf8.contains(0) && lstat(path, &status) == 0
  }

  package static func rename(_ path: String, to newPath: String) throws(FileError) {
    guard Glibc.rename(path, newPath) == 0 else {
      throw .system(path: newPath, operation: "rename the new folder to it", code: errno)
    }
    synchroniseFolder(of: newPath)
  }

  /// Removes a folder of plain files; one that is not there is removed already.
  package static func remove(_ path: String) throws(FileError) {
    guard exists(path) else { return }
    for name in try folderEntries(path: path) {
      if let name { unlink(path + "/" + name) }
    }
    guard rmdir(path) == 0 else {
      throw .system(path: path, operation: "remove the folder", code: errno)
    }
  }
}
