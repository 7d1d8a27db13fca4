/// Why a text is not acceptable JSON; `offset` is in bytes from the start of the text.
public enum JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLong(bytes: Int, limit: Int)
  case tooDeep(offset: Int, limit: Int)
  case tooMany(offset: Int, limit: Int)
  case invalid(offset: Int, found: String, expected: String)
  case invalidUTF8(offset: Int)
  case duplicateKey(offset: Int, key: String)

  public var description: String {
    switch self {
    case .tooLong(let bytes, let limit): "JSON of \(bytes) bytes, expected at most \(limit)"
    case .tooDeep(let offset, let limit):
      "byte \(offset): JSON nested deeper than \(limit) levels"
    case .tooMany(let offset, let limit):
      "byte \(offset): JSON of more than \(limit) values"
    case .invalid(let offset, let found, let expected):
      "byte \(offset): found \(found), expected \(expected)"
    case .invalidUTF8(let offset): "byte \(offset): a string that is not UTF-8"
    case .duplicateKey(let offset, let key):
      "byte \(offset): key \(key.debugDescription) stands twice in one object"
    }
  }
}
