import GPTTensor
import Glibc

/// A folder that one process at a time may change.
///
/// The kernel drops the lock with the descriptor, also of a process that was killed; the empty lock
/// file stays.
final class FolderLock: Sendable {
  private let descriptor: Int32

  /// - Parameter use: what the other process is doing, to end "another process that" with.
  init(_ folder: String, fileName: String, use: String) throws(TrainingError) {
    let path = "\(folder)/\(fileName)"
    guard !path.utf8.contains(0) else { throw .file(.unusablePath(path: path)) }
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .file(.system(path: path, operation: "open it", code: errno))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      guard code == EWOULDBLOCK else {
        throw .file(.system(path: path, operation: "lock it", code: code))
      }
      throw .invalid(
        location: folder, found: "is in use by another process that \(use)",
        expected: "one process a folder")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}
