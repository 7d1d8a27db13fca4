public import GPTTensor

/// What can be wrong with a tokenizer file or with what is asked of a tokenizer.
public enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file cannot be used; rendered as *where: found, expected*.
  case invalid(location: String, found: String, expected: String)
  /// The file cannot be read.
  case file(FileError)
  /// The file asks for something this project does not do.
  case unsupported(location: String, feature: String, expected: String)
  /// A text that has no token ids in this vocabulary.
  case unencodable(location: String, reason: String)
  /// A chat template that cannot be read, or that stopped while it ran.
  case template(location: String, line: Int, reason: String)
  /// What the training of a vocabulary stumbled over.
  case training(reason: String)

  public var description: String {
    let text =
      switch self {
      case .invalid(let location, let found, let expected):
        "\(location): \(found), expected \(expected)"
      case .file(let error): error.description
      case .unsupported(let location, let feature, let expected):
        "\(location): \(feature) is not supported, expected \(expected)"
      case .unencodable(let location, let reason):
        "\(location): \(reason)"
      case .template(let location, let line, let reason):
        "\(location): line \(line): \(reason)"
      case .training(let reason):
        "training a vocabulary: \(reason)"
      }
    return escapedForMessage(text)
  }
}
