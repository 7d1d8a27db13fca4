import Glibc

/// Why a file cannot be used, before anybody looked at its contents.
package enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
  case notRegular(path: String, kind: String)
  case empty(path: String)
  case tooLarge(path: String, bytes: Int, limit: Int)
  case unusablePath(path: String)
  /// `code` is the `errno` of `operation`.
  case system(path: String, operation: String, code: Int32)

  package var path: String {
    switch self {
    case .notRegular(let path, _), .empty(let path), .tooLarge(let path, _, _),
      .unusablePath(let path), .system(let path, _, _):
      path
    }
  }

  package var description: String {
    let place = path.printable(limit: 4096)
    return switch self {
    case .notRegular(_, let kind): "\(place): is \(kind), expected a regular file"
    case .empty: "\(place): is empty"
    case .tooLarge(_, let bytes, let limit):
      "\(place): has \(bytes) bytes, expected at most \(limit)"
    case .unusablePath: "\(place): the path contains a NUL, expected none"
    case .system(_, let operation, let code):
      "\(place): cannot \(operation): \(String(cString: strerror(code)))"
    }
  }
}

extension String {
  /// One line that is safe on a terminal: control, format and line-separating characters are
  /// escaped, and text beyond `limit` scalars is cut.
  package func printable(limit: Int = 80) -> String {
    var result = ""
    for (index, scalar) in unicodeScalars.enumerated() {
      guard index < limit else { return result + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
