import GPTTokenizer
import GPTWeights

extension GGUFVocabulary {
  /// The fields `tokenizer.…` of a GGUF file.
  ///
  /// - Parameter stopTokens: ids that end a generation besides the end of a sequence; GGUF has room
  ///   for one.
  func fields(
    chatTemplate: String?, stopTokens: [Int32]
  ) -> [GGUFModelFields.Field] {
    func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }
    func id(_ name: String, _ value: Int?) -> GGUFModelFields.Field? {
      value.flatMap(UInt32.init(exactly:)).map { (key(name), .uint32($0)) }
    }
    func flag(_ name: String, _ value: Bool?) -> GGUFModelFields.Field? {
      value.map { (key(name), .boolean($0)) }
    }
    var fields: [GGUFModelFields.Field?] = [
      (key("model"), .string(model)), pre.map { (key("pre"), .string($0)) },
      (key("tokens"), .strings(tokens.map(Array.init))),
      scores.isEmpty ? nil : (key("scores"), .float32s(scores)),
      types.isEmpty ? nil : (key("token_type"), .int32s(types)),
      model == "gpt2" ? (key("merges"), .strings(merges.map(Array.init))) : nil,
    ]
    let end = endOfSequence ?? stopTokens.first.map(Int.init)
    fields += [
      id("bos_token_id", beginningOfSequence), id("eos_token_id", end),
      id("eot_token_id", stopTokens.map(Int.init).first { $0 != end }),
      id("unknown_token_id", unknown), flag("add_bos_token", addsBeginning),
      flag("add_eos_token", addsEnd), flag("add_space_prefix", addsSpacePrefix),
      flag("remove_extra_whitespaces", removesExtraSpaces),
      chatTemplate.map { ("tokenizer.chat_template", .string($0)) },
    ]
    return fields.compactMap { $0 }
  }
}
