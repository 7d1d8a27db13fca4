package import GPTJSON
package import GPTTensor

/// Why a file of weights is not acceptable, rendered as *where: found, expected* in one line.
package enum WeightsError: Error, Equatable, Sendable, CustomStringConvertible {
  case file(FileError)
  case json(file: String, part: String, error: JSONError)
  /// The file is of another kind altogether; `hint` says what to do about it.
  case otherFormat(file: String, found: String, expected: String, hint: String?)
  /// `item` is something inside the file: "tensor 'x'", "key 'y'", "the header".
  case invalid(file: String, item: String, found: String, expected: String)
  case missing(file: String, item: String)
  case notFound(folder: String, found: String, expected: String)

  package var description: String {
    switch self {
    case .file(let error): error.description
    case .json(let file, let part, let error):
      "\(file.printable()): \(part), \(error.description.printable(limit: 200))"
    case .otherFormat(let file, let found, let expected, let hint):
      "\(file.printable()): is \(found), expected \(expected)" + (hint.map { "; \($0)" } ?? "")
    case .invalid(let file, let item, let found, let expected):
      "\(file.printable()): \(item) \(found), expected \(expected)"
    case .missing(let file, let item): "\(file.printable()): \(item) is missing"
    case .notFound(let folder, let found, let expected):
      "\(folder.printable(limit: 4096)): \(found), expected \(expected)"
    }
  }
}

extension WeightsError {
  /// A tensor's name as messages print it.
  static func tensor(_ name: String) -> String { "tensor '\(name.printable())'" }

  /// A metadata key as messages print it.
  static func key(_ name: String) -> String { "key '\(name.printable())'" }

  /// Something wrong with a tensor.
  package static func tensor(
    _ name: String, file: String, found: String, expected: String
  ) -> WeightsError {
    .invalid(file: file, item: tensor(name), found: found, expected: expected)
  }

  /// A tensor whose shape is not the one the model's configuration asks for.
  ///
  /// - Parameter reason: where the expectation comes from, "3 × n_embd from config.json".
  package static func shape(
    of tensor: StoredTensor, expected: [Int], reason: String? = nil
  ) -> WeightsError {
    .tensor(
      tensor.name, file: tensor.location, found: "is \(tensor.shape)",
      expected: "\(expected)" + (reason.map { " (\($0))" } ?? ""))
  }
}
