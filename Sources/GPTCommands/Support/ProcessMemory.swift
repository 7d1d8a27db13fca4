/// Memory of this process, and what the machine has left for it.
enum ProcessMemory {
  /// The most memory that was resident at once (`VmHWM` of `/proc/self/status`, proc(5)).
  static func peakBytes() throws(CommandError) -> Int {
    try bytes(of: "VmHWM", in: "/proc/self/status")
  }

  /// What can be had without swapping (`MemAvailable` of `/proc/meminfo`, proc(5)); nil where nobody
  /// says.
  static func availableBytes() -> Int? { try? bytes(of: "MemAvailable", in: "/proc/meminfo") }

  private static func bytes(of name: String, in path: String) throws(CommandError) -> Int {
    let text = try Files.text(Files.readAll(path: path), location: path)
    for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
      if let kilobytes = line.split(whereSeparator: \.isWhitespace).compactMap({ Int($0) }).first {
        return kilobytes * 1024
      }
    }
    throw .invalid(location: path, found: "no \(name)", expected: "one")
  }
}
