internal import GPTTensor

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
  package static func bytes(of path: String) throws(TokenizerError) -> [UInt8] {
    do { return try readSmallFile(path: path, limit: byteLimit) } catch { throw .file(error) }
  }

  /// True when there is anything at `path`, whatever its kind.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }
}
