/// Memory of this process.
enum ProcessMemory {
  /// The most memory that was resident at once (`VmHWM` of `/proc/self/status`, proc(5)).
  static func peakBytes() throws(CommandError) -> Int {
    let path = "/proc/self/status"
    let text = try Files.text(Files.readAll(path: path), location: path)
    for line in text.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      if let kilobytes = line.split(whereSeparator: \.isWhitespace).compactMap({ Int($0) }).first {
        return kilobytes * 1024
      }
    }
    throw .invalid(location: path, found: "no VmHWM", expected: "one")
  }
}
