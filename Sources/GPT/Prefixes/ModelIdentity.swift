import GPTTensor

/// What keys and values depend on beside the tokens: weights, adapters, and how they are computed.
enum ModelIdentity {
  /// SHA-256 over the contents of the model's and the adapters' files (32 bytes).
  ///
  /// Reads all of them once; the number of threads and the files' names do not matter.
  static func digest(
    path: String, adapters: [AdapterReference], form: StoredForm
  ) throws(FileError) -> [UInt8] {
    var text = "\(form.description) \(form.pageTokens) \(form.pageBytes)\n"
    for file in try files(of: path, [".safetensors", "config.json"]) {
      let seal = try FileSeal(ofFile: file)
      text += "\(seal.byteCount) \(seal.hash)\n"
    }
    for adapter in adapters {
      text += "adapter \(adapter.scale.bitPattern)\n"
      for file in try files(of: adapter.path, [".safetensors", "adapter_config.json"]) {
        let seal = try FileSeal(ofFile: file)
        text += "\(seal.byteCount) \(seal.hash)\n"
      }
    }
    let words = SHA256.digest(of: Array(text.utf8)).words
    return (0..<8).flatMap { index in withUnsafeBytes(of: words[index].bigEndian) { Array($0) } }
  }

  private static func files(of path: String, _ ends: [String]) throws(FileError) -> [String] {
    if path.hasSuffix(".gguf") { return [path] }
    let names: [String?]
    do { names = try folderEntries(path: path) } catch {
      // A single file by another name than .gguf.
      return [path]
    }
    return names.compactMap { $0 }.filter { name in
      ends.contains { name == $0 || $0.hasPrefix(".") && name.hasSuffix($0) }
    }.map { "\(path)/\($0)" }
  }
}
