package import GPTJSON

/// A JSON file of a model folder, with readers whose errors name file and field.
package struct JSONFile {
  package let value: JSONValue
  package let location: String

  package init(contentsOf path: String) throws(TokenizerError) {
    try self.init(bytes: RegularFile.bytes(of: path), location: path)
  }

  init(bytes: [UInt8], location: String) throws(TokenizerError) {
    self.location = location
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(JSONError) in try JSONParser.parse(bytes) }
    }
    switch result {
    case .success(let value): self.value = value
    case .failure(let error):
      throw .invalid(location: location, found: "\(error)", expected: "JSON")
    }
    guard value.object != nil else {
      throw .invalid(location: location, found: value.kind, expected: "an object")
    }
  }

  /// nil when there is no such file.
  static func ifPresent(_ path: String) throws(TokenizerError) -> JSONFile? {
    RegularFile.exists(path) ? try JSONFile(contentsOf: path) : nil
  }

  func failure(_ field: String, _ found: String, _ expected: String) -> TokenizerError {
    .invalid(location: "\(location): \(field)", found: found, expected: expected)
  }

  /// The text of a token field, which is a string or an object with `content`.
  func tokenText(_ field: String) -> String? {
    value[field]?.string ?? value[field]?["content"]?.string
  }
}

extension BytePairVocabulary {
  /// Enters the members of a `{"token": id}` object.
  mutating func insert(vocabulary: JSONValue?, field: String, of file: JSONFile)
    throws(TokenizerError)
  {
    guard let members = vocabulary?.object?.members else {
      throw file.failure(field, vocabulary?.kind ?? "nothing", "an object of tokens and ids")
    }
    for (text, value) in members {
      guard let id = value.integer else {
        throw file.failure(
          field, "\(value.encoded().prefix(40)) as the id of \(quotedForMessage(text))",
          "a whole number")
      }
      guard !text.unicodeScalars.contains("\u{fffd}") else {
        throw file.failure(field, "\(quotedForMessage(text)) with id \(id)", "valid Unicode")
      }
      try insert(id: id, text: text)
    }
  }
}
