internal import GPTJSON

/// Reads the `tokenizer.json` of Hugging Face's `tokenizers` library.
///
/// What it may ask for and this project does not do is an error, never ignored: a text would get
/// other ids than its model was trained with.
///
/// - Source: https://huggingface.co/docs/tokenizers
package struct TokenizerJSON {
  private let file: JSONFile
  private var vocabulary: BytePairVocabulary

  package init(_ file: JSONFile) throws(TokenizerError) {
    self.file = file
    vocabulary = BytePairVocabulary(location: file.location)
    vocabulary.mergesLocation = "\(file.location): model"
    try readModel()
    try readNormalizer(file.value["normalizer"])
    try readPreTokenizer()
    try readAddedTokens()
    try readPostProcessor(file.value["post_processor"])
  }

  /// - Parameters: beginning, end: the texts that the folder's configuration gives to the ends.
  package func tokenizer(beginning: String?, end: String?) throws(TokenizerError)
    -> ByteLevelTokenizer
  {
    try ByteLevelTokenizer(vocabulary(beginning: beginning, end: end))
  }

  func vocabulary(beginning: String?, end: String?) -> BytePairVocabulary {
    var vocabulary = vocabulary
    vocabulary.beginning = beginning.flatMap(vocabulary.id(of:)) ?? vocabulary.prefix.first
    vocabulary.end =
      end.flatMap(vocabulary.id(of:)) ?? vocabulary.suffix.first
      ?? vocabulary.id(of: "<|endoftext|>")
    return vocabulary
  }

  private func unsupported(_ field: String, _ feature: String, _ expected: String)
    -> TokenizerError
  {
    .unsupported(location: "\(file.location): \(field)", feature: feature, expected: expected)
  }

  private mutating func readModel() throws(TokenizerError) {
    let model = file.value["model"]
    let type = model?["type"]?.string ?? (model?["merges"] == nil ? "" : "BPE")
    guard type == "BPE" else {
      throw unsupported("model.type", quotedForMessage(type), "'BPE'")
    }
    if model?["byte_fallback"]?.boolean == true {
      throw unsupported("model.byte_fallback", "true", "a byte-level model or a tokenizer.model")
    }
    try vocabulary.insert(vocabulary: model?["vocab"], field: "model.vocab", of: file)
    guard let merges = model?["merges"]?.array else {
      throw file.failure("model.merges", model?["merges"]?.kind ?? "nothing", "an array")
    }
    vocabulary.merges.reserveCapacity(merges.count, byteCount: 0)
    for (rank, merge) in merges.enumerated() { try readMerge(merge, rank: rank) }
    vocabulary.ignoresMerges = model?["ignore_merges"]?.boolean ?? false
    if let unknown = model?["unk_token"]?.string { vocabulary.unknown = vocabulary.id(of: unknown) }
  }

  private mutating func readMerge(_ merge: JSONValue, rank: Int) throws(TokenizerError) {
    if let line = merge.string, let pair = MergeList.parts(of: line.utf8) {
      vocabulary.merges.append(left: pair.left, right: pair.right)
    } else if let pair = merge.array, pair.count == 2, let left = pair[0].string,
      let right = pair[1].string
    {
      vocabulary.merges.append(left: left.utf8, right: right.utf8)
    } else {
      throw file.failure(
        "model.merges[\(rank)]", String(merge.encoded().prefix(40)), "two tokens")
    }
  }

  private mutating func readNormalizer(_ normalizer: JSONValue?) throws(TokenizerError) {
    guard let normalizer, !normalizer.isNull else { return }
    switch normalizer["type"]?.string {
    case "NFC": vocabulary.composesText = true
    case "Sequence":
      for part in normalizer["normalizers"]?.array ?? [] { try readNormalizer(part) }
    case let type: throw unsupported("normalizer", quotedForMessage(type ?? ""), "'NFC' or null")
    }
  }

  private mutating func readPreTokenizer() throws(TokenizerError) {
    let value = file.value["pre_tokenizer"]
    let parts =
      value?["type"]?.string == "Sequence"
      ? value?["pretokenizers"]?.array ?? [] : [value ?? .null]
    guard let byteLevel = parts.last, byteLevel["type"]?.string == "ByteLevel" else {
      throw unsupported(
        "pre_tokenizer", quotedForMessage(parts.last?["type"]?.string ?? "null"), "'ByteLevel'")
    }
    vocabulary.addsPrefixSpace = byteLevel["add_prefix_space"]?.boolean ?? true
    let usesRegex = byteLevel["use_regex"]?.boolean ?? true
    switch (parts.count, usesRegex) {
    case (1, true): vocabulary.preTokenizer = .gpt2
    case (1, false): vocabulary.preTokenizer = .none
    case (2, _): vocabulary.preTokenizer = try first(parts[0], thenGPT2: usesRegex)
    default: throw unsupported("pre_tokenizer", "a sequence of \(parts.count)", "at most 2")
    }
    vocabulary.preTokenizerName = vocabulary.preTokenizer.rawValue
  }

  private func first(_ part: JSONValue, thenGPT2: Bool) throws(TokenizerError) -> PreTokenizer {
    let type = part["type"]?.string ?? ""
    if type == "Digits", thenGPT2, part["individual_digits"]?.boolean == true { return .smollm }
    let pattern = part["pattern"]?["Regex"]?.string ?? part["pattern"]?["String"]?.string ?? ""
    guard type == "Split", part["behavior"]?.string == "Isolated",
      part["invert"]?.boolean != true
    else {
      throw unsupported("pre_tokenizer", quotedForMessage(type), "'Digits' or 'Split'")
    }
    if thenGPT2, pattern == "\\p{N}" { return .smollm }
    if !thenGPT2, let known = Self.patterns[pattern] { return known }
    throw unsupported(
      "pre_tokenizer", "the pattern \(quotedForMessage(pattern))", "that of a known model")
  }

  private mutating func readAddedTokens() throws(TokenizerError) {
    for (index, token) in (file.value["added_tokens"]?.array ?? []).enumerated() {
      guard let id = token["id"]?.integer, let text = token["content"]?.string, !text.isEmpty
      else {
        throw file.failure(
          "added_tokens[\(index)]", String(token.encoded().prefix(60)), "id and content")
      }
      try vocabulary.insert(
        id: id, text: text, kind: token["special"]?.boolean == true ? .control : .userDefined,
        replaces: true)
      vocabulary.recognise(
        AddedToken(
          id: Int32(truncatingIfNeeded: id), text: Array(text.utf8),
          stripsLeft: token["lstrip"]?.boolean ?? false,
          stripsRight: token["rstrip"]?.boolean ?? false,
          isSingleWord: token["single_word"]?.boolean ?? false))
    }
  }

  private mutating func readPostProcessor(_ processor: JSONValue?) throws(TokenizerError) {
    guard let processor, !processor.isNull else { return }
    switch processor["type"]?.string {
    case "ByteLevel": break
    case "Sequence":
      for part in processor["processors"]?.array ?? [] { try readPostProcessor(part) }
    case "TemplateProcessing": try readTemplate(processor)
    case let type:
      throw unsupported(
        "post_processor", quotedForMessage(type ?? ""), "'TemplateProcessing' or 'ByteLevel'")
    }
  }

  private mutating func readTemplate(_ processor: JSONValue) throws(TokenizerError) {
    var isBefore = true
    for part in processor["single"]?.array ?? [] {
      guard let name = part["SpecialToken"]?["id"]?.string else {
        isBefore = false
        continue
      }
      let ids = processor["special_tokens"]?[name]?["ids"]?.array?.compactMap(\.integer) ?? []
      guard !ids.isEmpty, ids.allSatisfy({ (0..<vocabulary.idCount).contains($0) }) else {
        throw file.failure(
          "post_processor", quotedForMessage(name), "a special token of the vocabulary")
      }
      let values = ids.map(Int32.init(truncatingIfNeeded:))
      if isBefore { vocabulary.prefix += values } else { vocabulary.suffix += values }
    }
  }
}

extension TokenizerJSON {
  /// The expressions of published tokenizers, exactly as their files have them.
  static let patterns: [String: PreTokenizer] = {
    let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    let spaces = #"\s+(?!\S)|\s+"#
    func llama3(_ digits: String) -> String {
      contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
        + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"# + spaces
    }
    func cased(_ tail: String, _ digits: String) -> String {
      let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
      let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
      let lead = #"[^\r\n\p{L}\p{N}]?"#
      return "\(lead)\(upper)*\(lower)+\(tail)|\(lead)\(upper)+\(lower)*\(tail)|\(digits)"
        + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|"# + spaces
    }
    return [
      #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|"# + spaces: .gpt2,
      llama3(#"\p{N}{1,3}"#): .llama3, llama3(#"\p{N}"#): .qwen2,
      cased(contractions + "?", #"\p{N}{1,3}"#): .gpt4o, cased("", #"\p{N}"#): .tekken,
    ]
  }()
}
