package import GPTModel
package import GPTTensor
package import GPTTokenizer
package import GPTWeights

/// Why a corpus cannot be prepared or a run cannot go on, rendered as one line.
package enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  case file(FileError)
  case model(ModelError)
  case tokenizer(TokenizerError)
  case weights(WeightsError)
  /// *where: found, expected*
  case invalid(location: String, found: String, expected: String)
  case interrupted

  package var description: String {
    switch self {
    case .file(let error): error.description
    case .model(let error): error.description
    case .tokenizer(let error): error.description
    case .weights(let error): error.description
    case .invalid(let location, let found, let expected):
      "\(location.printable(limit: 4096)): \(found), expected \(expected)"
    case .interrupted: "interrupted"
    }
  }
}
