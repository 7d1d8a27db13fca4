internal import GPTModel
internal import GPTTensor
import Glibc

/// SHA-256 over what makes up a stored model, so that a run is gone on with over the same one.
package enum ModelHash {
  /// Of a .gguf file, or of a folder's weights, configuration and tokenizer by their names; other
  /// files may change.
  package static func of(_ path: String) throws(TrainingError) -> String {
    do throws(FileError) {
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        return try line(path)
      }
      var lines = ""
      for case let name? in try folderEntries(path: path) where isPart(name) {
        lines += try "\(line("\(path)/\(name)"))  \(name)\n"
      }
      return SHA256.digest(of: Array(lines.utf8)).hexadecimal
    } catch { throw .file(error) }
  }

  private static func isPart(_ name: String) -> Bool {
    name == "config.json" || name.hasSuffix(".safetensors")
      || name.hasSuffix(".safetensors.index.json") || TokenizerCopy.fileNames.contains(name)
  }

  /// Digest and size of a file.
  private static func line(_ path: String) throws(FileError) -> String {
    var status = stat()
    // An empty file cannot be mapped.
    if stat(path, &status) == 0, status.st_size == 0 { return "empty" }
    let file = try MappedFile(path: path)
    file.adviseSequential()
    var hash = SHA256()
    let count = file.bytes.count
    for begin in stride(from: 0, to: count, by: blockBytes) {
      let end = min(begin + blockBytes, count)
      hash.update(UnsafeRawBufferPointer(rebasing: file.bytes[begin..<end]))
    }
    // The mapping ends with its object, which the pointers into it do not keep.
    return withExtendedLifetime(file) { "\(hash.finish().hexadecimal) \(count)" }
  }

  private static let blockBytes = 8 << 20
}
