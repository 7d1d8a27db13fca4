internal import GPTJSON
internal import GPTTokenizer

/// Byte-level vocabularies without learned merges, as `tokenizer.json`.
///
/// Any reader of Hugging Face's layout opens them, and every text comes back as it was.
enum ByteLevelVocabulary {
  static let endOfDocument = "<|endoftext|>"

  /// 256 bytes, whose ids are their values, and the end of a document.
  static func bytes() -> JSONValue {
    var vocabulary = JSONObject()
    for byte in 0...UInt8.max { vocabulary[name([byte])] = .integer(Int(byte)) }
    let end = append(endOfDocument, to: &vocabulary)
    return file(vocabulary, merges: [], end: end)
  }

  /// The characters in the order of their code points, then the end of a document.
  ///
  /// Characters of several bytes are made by merging these; what such merges need besides the
  /// characters comes last and never stands in a text. So for a corpus of ASCII the ids are those
  /// of nanoGPT's data/shakespeare_char/prepare.py.
  static func characters(_ characters: [Unicode.Scalar]) -> JSONValue {
    var vocabulary = JSONObject()
    for character in characters { append(name(Array(character.utf8)), to: &vocabulary) }
    let end = append(endOfDocument, to: &vocabulary)
    var merges: [JSONValue] = []
    var merged: Set<[UInt8]> = []
    for character in characters {
      let bytes = Array(character.utf8)
      for count in 2..<max(2, bytes.count + 1) {
        let product = Array(bytes[..<count])
        guard merged.insert(product).inserted else { continue }
        let parts = [Array(bytes[..<(count - 1)]), [bytes[count - 1]]]
        for part in parts + [product] { append(name(part), to: &vocabulary) }
        merges.append(.array(parts.map { .string(name($0)) }))
      }
    }
    return file(vocabulary, merges: merges, end: end)
  }

  /// What a byte-level vocabulary calls these bytes.
  private static func name(_ bytes: [UInt8]) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(ByteAlphabet.scalars[Int(byte)]) }
    return String(text)
  }

  @discardableResult
  private static func append(_ name: String, to vocabulary: inout JSONObject) -> Int {
    if let id = vocabulary[name]?.integer { return id }
    let id = vocabulary.count
    vocabulary[name] = .integer(id)
    return id
  }

  private static func file(
    _ vocabulary: JSONObject, merges: [JSONValue], end: Int
  ) -> JSONValue {
    let byteLevel = JSONValue.object(
      JSONObject([
        ("type", .string("ByteLevel")), ("add_prefix_space", .boolean(false)),
        ("trim_offsets", .boolean(false)), ("use_regex", .boolean(false)),
      ]))
    return TokenizerJSONWriter.document(
      addedTokens: [(end, endOfDocument, true)], normalizer: .null, preTokenizer: byteLevel,
      decoder: byteLevel,
      model: TokenizerJSONWriter.pairModel(
        vocabulary: vocabulary, merges: merges, fallsBackToBytes: false))
  }
}
