package import GPTTensor

/// Why a command cannot go on.
package enum CommandError: Error, Equatable, CustomStringConvertible {
  /// Input or output is wrong: *where: found, expected*.
  case invalid(location: String, found: String, expected: String)
  /// A system call failed.
  case system(location: String, code: Int32)
  case file(FileError)
  /// The user pressed Ctrl-C.
  case interrupted
  /// The reader of standard output went away; there is nobody to tell.
  case outputClosed

  package var description: String {
    switch self {
    case .invalid(let location, let found, let expected):
      "\(location): \(found), expected \(expected)"
    case .system(let location, let code): "\(location): \(SystemText.message(of: code))"
    case .file(let error): error.description
    case .interrupted: "interrupted"
    case .outputClosed: "standard output: closed"
    }
  }
}
