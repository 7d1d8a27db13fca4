import GPTJSON
import GPTTensor

/// Larger than any published tokenizer file.
let tokenizerFileLimit = 256 << 20

/// Reads a JSON file of a model's folder.
func readJSON(_ path: String, location: String) throws(TokenizerError) -> JSONValue {
  let bytes = try readTokenizerFile(path, location: location)
  let parsed = bytes.withUnsafeBytes { buffer in
    Result { () throws(JSONError) in try JSONParser.parse(buffer) }
  }
  do { return try parsed.get() } catch {
    throw .invalid(
      location: location, found: error.description.printable(limit: 200), expected: "a JSON document")
  }
}

func readTokenizerFile(_ path: String, location: String) throws(TokenizerError) -> [UInt8] {
  do { return try readSmallFile(path: path, limit: tokenizerFileLimit) } catch {
    throw .file(error)
  }
}

extension ByteLevelVocabulary {
  /// GPT-2's own pair of files.
  init(folder: String) throws(TokenizerError) {
    self.init(vocabularyLocation: "vocab.json", mergesLocation: "merges.txt")
    let value = try readJSON(folder + "/vocab.json", location: vocabularyLocation)
    try read(vocabulary: value)
    let bytes = try readTokenizerFile(folder + "/merges.txt", location: mergesLocation)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .invalid(location: mergesLocation, found: "not UTF-8", expected: "a merge a line")
    }
    var number = 0
    for line in text.split(whereSeparator: \.isNewline) {
      number += 1
      if line.hasPrefix("#version") { continue }
      merges.append(
        try ByteLevelVocabulary.split(
          merge: String(line), number: number, location: mergesLocation))
    }
    // GPT-2 uses one control token for every purpose.
    if let index = pieces.firstIndex(of: "<|endoftext|>") {
      let id = Int32(index)
      added = [AddedToken(id: id, content: "<|endoftext|>", isSpecial: true)]
      (beginningOfSequence, endOfSequence, unknown) = (id, id, id)
    }
  }

  /// An object of token → id.
  mutating func read(vocabulary value: JSONValue) throws(TokenizerError) {
    guard let object = value.object else {
      throw .invalid(
        location: vocabularyLocation, found: value.kind, expected: "an object of tokens and ids")
    }
    for (piece, id) in object.members {
      guard let id = id.integer else {
        throw .invalid(
          location: vocabularyLocation,
          found: "the id of \(messageText(piece)) is \(id.kind)", expected: "an integer")
      }
      // Ids beyond the number of tokens leave holes; a few are normal, millions are not.
      guard id < 2 * object.count + 1024 else {
        throw .invalid(
          location: vocabularyLocation, found: "token \(messageText(piece)) has the id \(id)",
          expected: "at most \(2 * object.count + 1023) for \(object.count) tokens")
      }
      try place(piece, at: id)
    }
  }
}
