import Glibc
import Synchronization

/// Standard output: data only, in one buffer.
final class StandardOutput: Sendable {
  static let shared = StandardOutput()

  private let buffer = Mutex<[UInt8]>([])
  let isTerminal = isatty(STDOUT_FILENO) == 1

  /// Writes data as it is; it must not hold control characters from files.
  func write(_ text: String) throws(CommandError) {
    let count = buffer.withLock { buffer in
      buffer += Array(text.utf8)
      return buffer.count
    }
    if count > 1 << 16 { try flush() }
  }

  func writeLine(_ text: String) throws(CommandError) { try write(text + "\n") }

  func flush() throws(CommandError) {
    let bytes = buffer.withLock { buffer in
      defer { buffer = [] }
      return buffer
    }
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(CommandError) in
        try Files.write(bytes, to: STDOUT_FILENO, location: "standard output")
      }
    }
    try result.get()
  }
}

/// Standard error: messages for people.
enum StandardError {
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// One line; control characters are escaped.
  static func print(_ line: String) {
    let text = Escaping.line(line) + "\n"
    try? Array(text.utf8).withUnsafeBytes { bytes in
      try Files.write(bytes, to: STDERR_FILENO, location: "standard error")
    }
  }

  /// Text as it is, without a line's end: prompts of an interactive command.
  static func prompt(_ text: String) {
    try? Array(text.utf8).withUnsafeBytes { bytes in
      try Files.write(bytes, to: STDERR_FILENO, location: "standard error")
    }
  }
}
