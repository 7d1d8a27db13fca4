package import GPTJSON

/// Writes `tokenizer.json` and `tokenizer_config.json`, as Hugging Face's `tokenizers` and
/// `transformers` read them.
package enum TokenizerJSONWriter {
  package typealias AddedToken = (id: Int, text: String, isSpecial: Bool)

  /// The texts of a tokenizer's ends and what is put around a text.
  package struct Ends {
    package var beginning: String?
    package var end: String?
    package var unknown: String?
    package var addsBeginning = false
    package var addsEnd = false

    package init(beginning: String? = nil, end: String? = nil, unknown: String? = nil) {
      self.beginning = beginning
      self.end = end
      self.unknown = unknown
    }
  }

  package static func bytes(_ value: JSONValue) -> [UInt8] {
    Array((value.encoded() + "\n").utf8)
  }

  /// tokenizer_config.json; `add_bos_token` and `legacy` are read by our loader and by other
  /// classes of `transformers`.
  package static func configuration(_ ends: Ends, chatTemplate: String? = nil) -> JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    var members: [(String, JSONValue)] = [
      ("tokenizer_class", .string("PreTrainedTokenizerFast")), ("legacy", .boolean(false)),
      ("add_bos_token", .boolean(ends.addsBeginning)),
      ("add_eos_token", .boolean(ends.addsEnd)), ("add_prefix_space", .boolean(false)),
      ("bos_token", text(ends.beginning)), ("eos_token", text(ends.end)),
      ("unk_token", text(ends.unknown)), ("clean_up_tokenization_spaces", .boolean(false)),
    ]
    if let chatTemplate { members.append(("chat_template", .string(chatTemplate))) }
    return object(members)
  }

  /// - Parameter addedTokens: id, text, and whether decoding leaves it out
  package static func document(
    addedTokens: [AddedToken], normalizer: JSONValue, preTokenizer: JSONValue,
    postProcessor: JSONValue = .null, decoder: JSONValue, model: JSONValue
  ) -> JSONValue {
    let tokens = addedTokens.map { token in
      object([
        ("id", .integer(token.id)), ("content", .string(token.text)),
        ("single_word", .boolean(false)), ("lstrip", .boolean(false)),
        ("rstrip", .boolean(false)), ("normalized", .boolean(false)),
        ("special", .boolean(token.isSpecial)),
      ])
    }
    return object([
      ("version", .string("1.0")), ("truncation", .null), ("padding", .null),
      ("added_tokens", .array(tokens)), ("normalizer", normalizer),
      ("pre_tokenizer", preTokenizer), ("post_processor", postProcessor), ("decoder", decoder),
      ("model", model),
    ])
  }

  static func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }

  /// The BPE model of a tokenizer.json.
  package static func pairModel(
    vocabulary: JSONObject, merges: [JSONValue], unknown: String? = nil, fallsBackToBytes: Bool,
    ignoresMerges: Bool = false
  ) -> JSONValue {
    object([
      ("type", .string("BPE")), ("dropout", .null),
      ("unk_token", unknown.map { .string($0) } ?? .null), ("continuing_subword_prefix", .null),
      ("end_of_word_suffix", .null), ("fuse_unk", .boolean(unknown != nil)),
      ("byte_fallback", .boolean(fallsBackToBytes)), ("ignore_merges", .boolean(ignoresMerges)),
      ("vocab", .object(vocabulary)), ("merges", .array(merges)),
    ])
  }

  /// The post-processor that puts tokens around a text; null when there are none.
  static func template(
    before: [(id: Int32, text: String)], after: [(id: Int32, text: String)]
  ) -> JSONValue {
    guard !before.isEmpty || !after.isEmpty else { return .null }
    func token(_ name: String, segment: Int) -> JSONValue {
      object([
        ("SpecialToken", object([("id", .string(name)), ("type_id", .integer(segment))]))
      ])
    }
    func part(_ name: String, segment: Int) -> [JSONValue] {
      before.map { token($0.text, segment: segment) }
        + [object([("Sequence", object([("id", .string(name)), ("type_id", .integer(segment))]))])]
        + after.map { token($0.text, segment: segment) }
    }
    let tokens = (before + after).map { id, text in
      let value = object([
        ("id", .string(text)), ("ids", .array([.integer(Int(id))])),
        ("tokens", .array([.string(text)])),
      ])
      return (text, value)
    }
    return object([
      ("type", .string("TemplateProcessing")), ("single", .array(part("A", segment: 0))),
      ("pair", .array(part("A", segment: 0) + part("B", segment: 1))),
      ("special_tokens", object(tokens)),
    ])
  }
}
