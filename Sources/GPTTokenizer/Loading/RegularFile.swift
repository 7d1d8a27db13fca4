#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Reads whole small files of outside origin.
package enum RegularFile {
  /// The largest published tokenizer files are under 40 MB; 256 MB leaves room and bounds memory.
  static let byteLimit = 256 << 20

  /// The bytes of `path`, which must be a regular file of at most `byteLimit` bytes.
  ///
  /// `O_NONBLOCK` keeps a FIFO without a writer from blocking `open`; what is not a regular file
  /// is refused before a byte is read.
  package static func bytes(of path: String) throws(TokenizerError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .unreadable(location: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadable(location: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(location: path, reason: kind(ofMode: status.st_mode))
    }
    guard status.st_size <= byteLimit else {
      throw .invalid(
        location: path, found: "\(status.st_size) bytes", expected: "at most \(byteLimit)")
    }
    return try read(descriptor, count: Int(status.st_size), path: path)
  }

  /// True when there is anything at `path`, whatever its kind.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  private static func kind(ofMode mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a directory"
    case S_IFIFO: "a FIFO"
    case S_IFCHR, S_IFBLK: "a device"
    case S_IFSOCK: "a socket"
    default: "not a regular file"
    }
  }

  private static func read(
    _ descriptor: Int32, count: Int, path: String
  ) throws(TokenizerError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let base = buffer.baseAddress.map { UnsafeMutableRawPointer($0 + filled) }
        let result = Glibc.read(descriptor, base, count - filled)
        if result < 0 && errno == EINTR { continue }
        if result < 0 { failure = errno }
        if result <= 0 { break }
        filled += result
      }
    }
    guard failure == 0 else {
      throw .unreadable(location: path, reason: String(cString: strerror(failure)))
    }
    guard bytes.count == count else {
      throw .invalid(
        location: path, found: "\(bytes.count) bytes while reading",
        expected: "the \(count) of its size")
    }
    return bytes
  }
}
