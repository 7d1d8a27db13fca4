/// Bytes that come in blocks and leave in lines, without their line feeds.
struct LineBuffer {
  private var bytes: [UInt8] = []
  private var start = 0
  /// No line feed stands before this.
  private var searched = 0
  private var isFinished = false

  var restCount: Int { bytes.count - start }

  mutating func append(_ block: [UInt8]) {
    bytes.removeSubrange(..<start)
    searched -= start
    start = 0
    bytes += block
  }

  mutating func finish() { isFinished = true }

  mutating func next() -> [UInt8]? {
    if let end = bytes[searched...].firstIndex(of: 0x0a) {
      defer {
        start = end + 1
        searched = start
      }
      return Array(bytes[start..<end])
    }
    searched = bytes.count
    guard isFinished, start < bytes.count else { return nil }
    defer { start = bytes.count }
    return Array(bytes[start...])
  }
}
