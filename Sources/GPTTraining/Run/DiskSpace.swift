import GPTTensor
import Glibc

/// Whether a run can be written, asked before hours are spent on it.
enum DiskSpace {
  /// Writes, synchronises and removes a small file.
  static func checkWritable(_ folder: String) throws(TrainingError) {
    let path = "\(folder)/write-test.\(getpid()).partial"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .file(.system(path: folder, operation: "write into the folder", code: errno))
    }
    defer {
      close(descriptor)
      unlink(path)
    }
    let contents = [UInt8](repeating: 1, count: 4096)
    let written = contents.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == contents.count, fsync(descriptor) == 0 else {
      let code = written >= 0 && written < contents.count ? ENOSPC : errno
      throw .file(.system(path: folder, operation: "write into the folder", code: code))
    }
  }

  /// Bytes that an ordinary user may still write.
  static func freeBytes(_ folder: String) throws(TrainingError) -> Int {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else {
      throw .file(.system(path: folder, operation: "ask for its free space", code: errno))
    }
    let (bytes, overflow) = Int(clamping: status.f_bavail)
      .multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
    return overflow ? .max : bytes
  }

  /// - Parameter purpose: what the bytes are for, to end the message with.
  static func check(_ folder: String, has bytes: Int, for purpose: String) throws(TrainingError) {
    let free = try freeBytes(folder)
    guard free >= bytes else {
      throw .invalid(
        location: folder, found: "has \(text(free)) of free space",
        expected: "\(text(bytes)) for \(purpose)")
    }
  }

  /// In the decimal units of disks.
  static func text(_ bytes: Int) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)]
    guard let (name, size) = units.first(where: { bytes >= $0.1 }) else { return "\(bytes) bytes" }
    let tenths = bytes / (size / 10)
    return "\(tenths / 10).\(tenths % 10) \(name)"
  }
}
