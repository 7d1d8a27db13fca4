internal import GPTJSON
internal import GPTTensor

extension GGUFVocabulary {
  /// The files of a Hugging Face folder that say what these fields say: `tokenizer.json` or
  /// `tokenizer.model`, and `tokenizer_config.json` with the chat template.
  package func folderFiles(chatTemplate: String?) throws(TokenizerError) -> [String: [UInt8]] {
    try check()
    let vocabulary = withoutPadding()
    try vocabulary.check()
    switch model {
    case "llama": return try vocabulary.sentencePieceFiles(chatTemplate)
    case "gpt2": return try vocabulary.byteLevelFiles(chatTemplate)
    default:
      // Says which kinds there are.
      _ = try makeTokenizer(self)
      return [:]
    }
  }

  private func byteLevelFiles(_ chatTemplate: String?) throws(TokenizerError) -> [String: [UInt8]] {
    let vocabulary = try BytePairVocabulary(self)
    // Checks what only shows when the parts are put together.
    _ = try ByteLevelTokenizer(vocabulary)
    return [
      "tokenizer.json": TokenizerJSONWriter.bytes(vocabulary.tokenizerJSON()),
      "tokenizer_config.json": configuration(
        chatTemplate, addsBeginning: !vocabulary.prefix.isEmpty, unknown: nil),
    ]
  }

  private func sentencePieceFiles(
    _ chatTemplate: String?
  ) throws(TokenizerError) -> [String: [UInt8]] {
    let tokenizer = try SentencePieceTokenizer(self)
    let model = SentencePieceTokenizer.modelProto(self)
    let file = try SentencePieceModelFile(model, location: location)
    let unknown = file.pieces.first { $0.type == .unknown }
    var ends = ends(
      addsBeginning: tokenizer.addsBeginning,
      unknown: unknown.map { String(decoding: $0.bytes, as: UTF8.self) })
    ends.addsEnd = tokenizer.addsEnd
    var files = [
      "tokenizer.model": model,
      "tokenizer_config.json": TokenizerJSONWriter.bytes(
        TokenizerJSONWriter.configuration(ends, chatTemplate: chatTemplate)),
    ]
    // No step of a tokenizer.json takes several spaces for one as SentencePiece does.
    if !file.removesExtraSpaces {
      files["tokenizer.json"] = TokenizerJSONWriter.bytes(
        TokenizerJSONWriter.sentencePiece(file, ends: ends))
    }
    return files
  }

  private func configuration(
    _ chatTemplate: String?, addsBeginning: Bool, unknown: String?
  ) -> [UInt8] {
    TokenizerJSONWriter.bytes(
      TokenizerJSONWriter.configuration(
        ends(addsBeginning: addsBeginning, unknown: unknown), chatTemplate: chatTemplate))
  }

  private func ends(addsBeginning: Bool, unknown: String?) -> TokenizerJSONWriter.Ends {
    func text(_ id: Int?) -> String? { id.map { String(decoding: tokens[$0], as: UTF8.self) } }
    var result = TokenizerJSONWriter.Ends(
      beginning: text(beginningOfSequence), end: text(endOfSequence), unknown: unknown)
    result.addsBeginning = addsBeginning
    result.addsEnd = addsEnd ?? false
    return result
  }
}
