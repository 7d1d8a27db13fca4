import Glibc

/// Finds models by path, by name, or the one to take when none is named.
///
/// A name stands for `NAME.gguf` or the folder `NAME` in the cache,
/// `${GPT_CACHE:-${XDG_CACHE_HOME:-~/.cache}/gpt}/models`. Without a name it is the first model, in
/// the order of names, of a folder `models` beside the `Package.swift` that stands above the
/// executable or the working directory; then ``defaultName`` of the cache.
public enum ModelLocator {
  /// The model that `tools/fetch-model` puts into the cache.
  public static let defaultName = "smollm2-135m-instruct"

  public static func resolve(_ nameOrPath: String?) throws(LanguageModelError) -> String {
    guard let nameOrPath else { return try resolveDefault() }
    guard !nameOrPath.isEmpty else {
      throw .modelNotFound(name: nameOrPath, expected: "a path or the name of a model")
    }
    if nameOrPath.contains("/") || exists(nameOrPath) { return nameOrPath }
    if let path = cached(nameOrPath) { return path }
    throw .modelNotFound(
      name: nameOrPath, expected: "a path, or \(nameOrPath).gguf or a folder in \(cacheFolder)")
  }

  /// Where models are looked for by name.
  public static var cacheFolder: String {
    if let folder = environment("GPT_CACHE") { return folder + "/models" }
    if let folder = environment("XDG_CACHE_HOME") { return folder + "/gpt/models" }
    return (environment("HOME") ?? "") + "/.cache/gpt/models"
  }

  private static func resolveDefault() throws(LanguageModelError) -> String {
    for start in [executableFolder, workingFolder] {
      if let start, let path = shipped(above: start) { return path }
    }
    if let path = cached(defaultName) { return path }
    throw .modelNotFound(
      name: defaultName,
      expected: "a model in models/, or in \(cacheFolder) (tools/fetch-model \(defaultName))")
  }

  private static func cached(_ name: String) -> String? {
    guard name != ".", name != ".." else { return nil }
    return ["\(cacheFolder)/\(name).gguf", "\(cacheFolder)/\(name)"].first { exists($0) }
  }

  private static func shipped(above start: String) -> String? {
    var folder = start
    while !folder.isEmpty {
      if exists(folder + "/Package.swift"), let model = firstModel(in: folder + "/models") {
        return model
      }
      folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
    }
    return nil
  }

  private static func firstModel(in folder: String) -> String? {
    guard let stream = opendir(folder) else { return nil }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      names.append(name)
    }
    return names.sorted().map { "\(folder)/\($0)" }.first {
      $0.hasSuffix(".gguf") || exists($0 + "/config.json")
    }
  }

  private static var executableFolder: String? {
    guard let resolved = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(resolved) }
    let path = String(cString: resolved)
    return path.lastIndex(of: "/").map { String(path[..<$0]) }
  }

  private static var workingFolder: String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
