internal import Dispatch
import Glibc

/// Lines of standard input, read on a thread that may wait.
struct LineReader {
  private var rest: [UInt8] = []
  private var isAtEnd = false
  private let queue = DispatchQueue(label: "gpt.input")

  /// The next line without its end, nil at the end of the input.
  mutating func next() async throws(CommandError) -> String? {
    while true {
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(rest[..<end])
        rest.removeSubrange(...end)
        return try Files.text(line, location: "standard input")
      }
      if isAtEnd {
        defer { rest = [] }
        return rest.isEmpty ? nil : try Files.text(rest, location: "standard input")
      }
      let bytes = try await read()
      isAtEnd = bytes.isEmpty
      rest += bytes
      guard rest.count <= Files.maximumInputBytes else {
        throw .invalid(
          location: "standard input", found: "a line of \(rest.count) bytes",
          expected: "at most \(Files.maximumInputBytes)")
      }
    }
  }

  private func read() async throws(CommandError) -> [UInt8] {
    let result: Result<[UInt8], CommandError> = await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: Self.readOnce()) }
    }
    return try result.get()
  }

  private static func readOnce() -> Result<[UInt8], CommandError> {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
      if count >= 0 { return .success(Array(buffer[..<count])) }
      if errno != EINTR { return .failure(.system(location: "standard input", code: errno)) }
    }
  }
}
