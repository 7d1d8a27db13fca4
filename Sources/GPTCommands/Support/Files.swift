import Glibc

enum SystemText {
  static func message(of code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}

/// Bytes in and out of file descriptors, with errors thrown.
enum Files {
  /// Prompts and id lists are text that people write; a gigabyte is a mistake.
  static let maximumInputBytes = 256 << 20

  static func readAll(path: String) throws(CommandError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(location: path, code: errno) }
    defer { close(descriptor) }
    return try readAll(descriptor: descriptor, location: path)
  }

  static func readStandardInput() throws(CommandError) -> [UInt8] {
    try readAll(descriptor: STDIN_FILENO, location: "standard input")
  }

  private static func readAll(
    descriptor: Int32, location: String
  ) throws(CommandError) -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(location: location, code: errno) }
      guard count > 0 else { return result }
      result += buffer[..<count]
      guard result.count <= maximumInputBytes else {
        throw .invalid(
          location: location, found: "more than \(maximumInputBytes) bytes", expected: "less")
      }
    }
  }

  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, location: String
  ) throws(CommandError) {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let count = Glibc.write(descriptor, base, rest.count)
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EPIPE { throw .outputClosed }
      guard count >= 0 else { throw .system(location: location, code: errno) }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// The text of `bytes`, which must be UTF-8.
  static func text(_ bytes: [UInt8], location: String) throws(CommandError) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    throw .invalid(location: location, found: "bytes that are not UTF-8", expected: "UTF-8 text")
  }
}

enum Arguments {
  /// The standard library would silently replace what is not UTF-8.
  static func requireUTF8() throws(CommandError) {
    for index in 0..<Int(CommandLine.argc) {
      guard let argument = CommandLine.unsafeArgv[index] else { continue }
      guard String(validatingCString: argument) != nil else {
        throw .invalid(
          location: "argument \(index)", found: "bytes that are not UTF-8",
          expected: "UTF-8 text")
      }
    }
  }
}
