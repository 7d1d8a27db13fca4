import GPTTensor
package import GPTTokenizer

/// Checks that every id is the same token to two models.
///
/// - Parameters: the names tell the models apart in the error; location is the first one's
/// - Throws: `ModelError.configuration` with the first difference
package func checkTokens(
  of other: any Tokenizer, named otherName: String, at location: String,
  are tokenizer: any Tokenizer, named name: String
) throws(ModelError) {
  func quoted(_ piece: String?) -> String { piece.map { "'\($0.printable())'" } ?? "missing" }
  let count = max(tokenizer.vocabularySize, other.vocabularySize)
  for id in 0..<Int32(clamping: count) {
    let (expected, found) = (tokenizer.piece(of: id), other.piece(of: id))
    guard expected != found else { continue }
    throw .configuration(
      location: location, key: "the \(otherName)'s token \(id)", found: quoted(found),
      expected: "\(quoted(expected)), the \(name)'s")
  }
}
