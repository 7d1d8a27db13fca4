import Glibc

/// A file that appears under its name only when it is whole and on the disk.
package final class ReplacedFile: Sendable {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32

  package init(_ path: String) throws(FileError) {
    guard !path.utf8.contains(0) else { throw .unusablePath(path: path) }
    self.path = path
    temporaryPath = "\(path).\(getpid()).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system(path: path, operation: "write it", code: errno) }
  }

  /// Removes what was written, unless it was committed.
  deinit {
    close(descriptor)
    unlink(temporaryPath)
  }

  package func write<Element: BitwiseCopyable>(_ elements: [Element]) throws(FileError) {
    let result = elements.withUnsafeBytes { bytes in
      Result { () throws(FileError) in try write(bytes) }
    }
    try result.get()
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let count = Glibc.write(descriptor, base, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(path: path, operation: "write it", code: errno) }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Puts the file under its name, with its contents and the name on the disk.
  package func commit() throws(FileError) {
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw .system(path: path, operation: "write it", code: errno)
    }
    synchroniseFolder(of: path)
  }
}

/// Makes a rename in the folder of `path` survive a power failure; file systems that cannot
/// synchronise a folder do so by themselves.
package func synchroniseFolder(of path: String) {
  let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}

extension ReplacedFile {
  /// Replaces the whole file by `contents`.
  package static func write(_ contents: [UInt8], to path: String) throws(FileError) {
    let file = try ReplacedFile(path)
    try file.write(contents)
    try file.commit()
  }
}
