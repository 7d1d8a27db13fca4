import Glibc

/// A file that appears under its name only when it is whole and on the disk.
final class ReplacedFile: Sendable {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32

  init(_ path: String) throws(CommandError) {
    self.path = path
    temporaryPath = "\(path).\(getpid()).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system(location: path, code: errno) }
  }

  /// Removes what was written, unless it was committed.
  deinit {
    close(descriptor)
    unlink(temporaryPath)
  }

  func write<Element: BitwiseCopyable>(_ elements: [Element]) throws(CommandError) {
    let result = elements.withUnsafeBytes { bytes in
      Result { () throws(CommandError) in
        try Files.write(bytes, to: descriptor, location: path)
      }
    }
    try result.get()
  }

  func commit() throws(CommandError) {
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw .system(location: path, code: errno)
    }
  }
}
