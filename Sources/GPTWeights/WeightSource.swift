import GPTTensor

/// Named tensors of one model, wherever they are stored.
package protocol WeightSource: Sendable {
  var path: String { get }
  /// The last component of `path`, for messages.
  var location: String { get }
  /// All names in the file's order, those of unsupported types included.
  var tensorNames: [String] { get }
  /// The tensor, or nil when there is none of that name or its type is unsupported.
  func tensor(named name: String) -> StoredTensor?
  /// The file's name of a type that `DType` lacks, "I64"; nil when the tensor is usable or absent.
  func unsupportedType(of name: String) -> String?
}

extension WeightSource {
  package func contains(_ name: String) -> Bool {
    tensor(named: name) != nil || unsupportedType(of: name) != nil
  }

  /// The tensor, or an error that says whether it is missing or of an unsupported type.
  package func required(_ name: String) throws(WeightsError) -> StoredTensor {
    if let tensor = tensor(named: name) { return tensor }
    if let type = unsupportedType(of: name) {
      throw .tensor(
        name, file: location, found: "has type \(type)",
        expected: "one of \(DType.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    throw .missing(file: location, item: WeightsError.tensor(name))
  }

  /// The tensor of exactly this shape.
  ///
  /// - Parameter reason: where the expectation comes from, "3 × n_embd from config.json".
  package func required(
    _ name: String, shape: [Int], reason: String? = nil
  ) throws(WeightsError) -> StoredTensor {
    let tensor = try required(name)
    guard tensor.shape == shape else {
      throw .shape(of: tensor, expected: shape, reason: reason)
    }
    return tensor
  }
}
