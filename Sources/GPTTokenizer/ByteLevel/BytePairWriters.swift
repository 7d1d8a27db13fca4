internal import GPTJSON
internal import GPTTensor

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
      tokens: ByteStrings(
        (0..<idCount).map { text(of: $0).map(Array.init) ?? GGUFVocabulary.padding($0) }),
      location: location)
    result.pre = preTokenizer.rawValue
    result.types = (0..<idCount).map { id in
      guard text(of: id) != nil else { return 5 }
      return switch kinds[id] {
      case .normal: 1
      case .control: 3
      case .userDefined: 4
      }
    }
    for rank in 0..<merges.count {
      guard !merges.products[rank].contains(0x20) else {
        throw .invalid(
          location: "\(mergesLocation): merges[\(rank)]", found: "a space inside a token",
          expected: "tokens in the byte alphabet")
      }
      result.merges.append(Array(merges.left(rank) + [0x20] + merges.right(rank)))
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
    let pairs = (0..<merges.count).map { rank in
      JSONValue.array(
        [merges.left(rank), merges.right(rank)].map { .string(String(decoding: $0, as: UTF8.self)) }
      )
    }
    var vocabulary = JSONObject()
    var added: [TokenizerJSONWriter.AddedToken] = []
    func name(_ id: Int) -> String? { text(of: id).map { String(decoding: $0, as: UTF8.self) } }
    for id in 0..<idCount {
      guard let text = name(id) else { continue }
      vocabulary[text] = .integer(id)
      if kinds[id] != .normal { added.append((id, text, kinds[id] == .control)) }
    }
    func named(_ ids: [Int32]) -> [(id: Int32, text: String)] {
      ids.compactMap { id in name(Int(id)).map { (id, $0) } }
    }
    return TokenizerJSONWriter.document(
      addedTokens: added,
      normalizer: composes ? TokenizerJSONWriter.object([("type", .string("NFC"))]) : .null,
      preTokenizer: preTokenizerJSON,
      postProcessor: TokenizerJSONWriter.template(before: named(prefix), after: named(suffix)),
      decoder: byteLevelJSON(usesRegex: true),
      model: TokenizerJSONWriter.pairModel(
        vocabulary: vocabulary, merges: pairs, fallsBackToBytes: false,
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
