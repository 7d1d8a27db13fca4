/// What can be wrong with a tokenizer file or with what is asked of a tokenizer.
public enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file cannot be used; rendered as *where: found, expected*.
  case invalid(location: String, found: String, expected: String)

  public var description: String {
    switch self {
    case .invalid(let location, let found, let expected):
      "\(location): \(found), expected \(expected)"
    }
  }
}
