internal import GPTJSON

extension BytePairVocabulary {
  /// The vocabulary as a GGUF file embeds it.
  ///
  /// Added tokens that strip spaces, unknown tokens and Unicode composition have no field there;
  /// readers of GGUF do without them.
  func ggufVocabulary() throws(TokenizerError) -> GGUFVocabulary {
    guard preTokenizer != .none else {
      throw .unsupported(
        location: location, feature: "a tokenizer that does not cut texts into words",
        expected: "one with a pre-tokenizer that GGUF has a name for")
    }
    var result = GGUFVocabulary(
      model: "gpt2",
      tokens: entries.enumerated().map { id, entry in
        entry.map { Array($0.text.utf8) } ?? GGUFVocabulary.padding(id)
      }, location: location)
    result.pre = preTokenizer.rawValue
    result.types = entries.map { entry in
      switch entry?.kind {
      case .normal: 1
      case .control: 3
      case .userDefined: 4
      case nil: 5
      }
    }
    for (rank, pair) in merges.enumerated() {
      guard !pair.left.utf8.contains(0x20), !pair.right.utf8.contains(0x20) else {
        throw .invalid(
          location: "\(mergesLocation): merges[\(rank)]", found: "a space inside a token",
          expected: "tokens in the byte alphabet")
      }
      result.merges.append("\(pair.left) \(pair.right)")
    }
    result.addsSpacePrefix = addsPrefixSpace
    result.addsBeginning = try isAdded(prefix, asOnly: &result.beginningOfSequence, beginning)
    result.addsEnd = try isAdded(suffix, asOnly: &result.endOfSequence, end)
    return result
  }

  /// Whether `added` is put around every text; GGUF knows one token for each side.
  private func isAdded(
    _ added: [Int32], asOnly field: inout Int?, _ token: Int32?
  ) throws(TokenizerError) -> Bool {
    field = (added.first ?? token).map(Int.init)
    guard added.count <= 1 else {
      throw .unsupported(
        location: location, feature: "\(added.count) tokens before or after every text",
        expected: "one")
    }
    return !added.isEmpty
  }

  /// The vocabulary as a tokenizer.json.
  func tokenizerJSON() -> JSONValue {
    let merges = merges.map { pair in
      JSONValue.array([.string(String(pair.left)), .string(String(pair.right))])
    }
    var vocabulary = JSONObject()
    var added: [TokenizerJSONWriter.AddedToken] = []
    for (id, entry) in entries.enumerated() {
      guard let entry else { continue }
      vocabulary[entry.text] = .integer(id)
      if entry.kind != .normal { added.append((id, entry.text, entry.kind == .control)) }
    }
    func named(_ ids: [Int32]) -> [(id: Int32, text: String)] {
      ids.compactMap { id in entries[Int(id)].map { (id, $0.text) } }
    }
    return TokenizerJSONWriter.document(
      addedTokens: added,
      normalizer: composes ? TokenizerJSONWriter.object([("type", .string("NFC"))]) : .null,
      preTokenizer: preTokenizerJSON,
      postProcessor: TokenizerJSONWriter.template(before: named(prefix), after: named(suffix)),
      decoder: byteLevelJSON(usesRegex: true),
      model: TokenizerJSONWriter.pairModel(
        vocabulary: vocabulary, merges: merges, fallsBackToBytes: false,
        ignoresMerges: ignoresMerges))
  }

  /// Qwen's published tokenizer.json composes texts, which no field of GGUF says.
  private var composes: Bool { composesText || preTokenizerName == PreTokenizer.qwen2.rawValue }

  private var preTokenizerJSON: JSONValue {
    let first: JSONValue
    switch preTokenizer {
    case .gpt2: return byteLevelJSON(usesRegex: true)
    case .none: return byteLevelJSON(usesRegex: false)
    case .smollm, .starcoder:
      first = TokenizerJSONWriter.object([
        ("type", .string("Digits")), ("individual_digits", .boolean(true)),
      ])
    case .llama3, .qwen2, .gpt4o, .tekken:
      let pattern = TokenizerJSON.patterns.first { $0.value == preTokenizer }?.key ?? ""
      first = TokenizerJSONWriter.object([
        ("type", .string("Split")),
        ("pattern", TokenizerJSONWriter.object([("Regex", .string(pattern))])),
        ("behavior", .string("Isolated")), ("invert", .boolean(false)),
      ])
    }
    let usesRegex = preTokenizer == .smollm || preTokenizer == .starcoder
    return TokenizerJSONWriter.object([
      ("type", .string("Sequence")),
      ("pretokenizers", .array([first, byteLevelJSON(usesRegex: usesRegex)])),
    ])
  }

  private func byteLevelJSON(usesRegex: Bool) -> JSONValue {
    TokenizerJSONWriter.object([
      ("type", .string("ByteLevel")), ("add_prefix_space", .boolean(addsPrefixSpace)),
      ("trim_offsets", .boolean(true)), ("use_regex", .boolean(usesRegex)),
    ])
  }
}
