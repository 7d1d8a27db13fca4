internal import GPTJSON
internal import GPTTokenizer

/// The tokenizer files of a model folder, for vocabularies that are made here.
///
/// `tokenizer.model` is what our loader takes first; `tokenizer.json` says the same for readers
/// without SentencePiece, such as Hugging Face's `tokenizers`.
enum TokenizerFiles {
  typealias File = (name: String, contents: [UInt8])

  static func sentencePiece(_ model: [UInt8]) throws(TrainingError) -> [File] {
    let file: SentencePieceModelFile
    do {
      file = try SentencePieceModelFile(model, location: "tokenizer.model")
    } catch { throw .tokenizer(error) }
    return [
      ("tokenizer.model", model),
      (
        "tokenizer.json",
        TokenizerJSONWriter.bytes(TokenizerJSONWriter.sentencePiece(file))
      ),
      configuration(TokenizerJSONWriter.Ends(beginning: "<s>", end: "</s>", unknown: "<unk>")),
    ]
  }

  static func byteLevel(_ tokenizer: JSONValue) -> [File] {
    [
      ("tokenizer.json", TokenizerJSONWriter.bytes(tokenizer)),
      configuration(TokenizerJSONWriter.Ends(end: ByteLevelVocabulary.endOfDocument)),
    ]
  }

  private static func configuration(_ ends: TokenizerJSONWriter.Ends) -> File {
    ("tokenizer_config.json", TokenizerJSONWriter.bytes(TokenizerJSONWriter.configuration(ends)))
  }
}
