package import GPTOps
package import GPTTensor
package import GPTTokenizer
package import GPTWeights

/// Why a model cannot be opened or run, rendered as one line *where: found, expected*.
package enum ModelError: Error, Equatable, Sendable, CustomStringConvertible {
  case weights(WeightsError)
  case tokenizer(TokenizerError)
  case compute(ComputeError)
  case file(FileError)
  /// A key of config.json or of a GGUF's metadata.
  case configuration(location: String, key: String, found: String, expected: String)
  case notAModel(path: String, found: String, expected: String)
  case invalidToken(id: Int32, vocabularySize: Int)
  case contextExceeded(tokenCount: Int, contextLength: Int)

  package var description: String {
    switch self {
    case .weights(let error): error.description
    case .tokenizer(let error): error.description
    case .compute(let error): error.description
    case .file(let error): error.description
    case .configuration(let location, let key, let found, let expected):
      "\(location.printable()): \(key) is \(found.printable()), expected \(expected)"
    case .notAModel(let path, let found, let expected):
      "\(path.printable(limit: 4096)): \(found), expected \(expected)"
    case .invalidToken(let id, let vocabularySize):
      "token id \(id) is out of range, expected 0..<\(vocabularySize)"
    case .contextExceeded(let tokenCount, let contextLength):
      "\(tokenCount) tokens do not fit, expected at most the context length of \(contextLength)"
    }
  }
}
