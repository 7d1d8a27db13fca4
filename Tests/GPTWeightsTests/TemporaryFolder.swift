import GPTWeights
import Glibc

/// A folder that disappears, with what was written into it, when the test ends.
final class TemporaryFolder {
  let path: String
  private var names: [String] = []

  init() {
    var template = Array("/tmp/gpt-tests-XXXXXX\0".utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, let made = mkdtemp(base) else { return "" }
      return String(cString: made)
    }
    precondition(!path.isEmpty, "mkdtemp: errno \(errno)")
  }

  deinit {
    for name in names { unlink(path + "/" + name) }
    rmdir(path)
  }

  /// Returns the file's path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) -> String {
    names.append(name)
    let file = path + "/" + name
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    precondition(written == bytes.count, "write of \(file): errno \(errno)")
    return file
  }
}

extension FixedWidthInteger {
  /// The bytes of the number, least significant first.
  var bytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}

extension StoredTensor {
  /// A copy: the mapped bytes go with the last reference to the file.
  var copiedBytes: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }
}
