internal import GPTJSON

/// The tokenizer of a model folder in Hugging Face's layout.
///
/// `tokenizer.model` is taken first, then `tokenizer.json`, then `vocab.json` with `merges.txt`.
/// `tokenizer_config.json`, when present, names the ends of a sequence and says which are added.
public func loadTokenizer(folder: String) throws(TokenizerError) -> any Tokenizer {
  let configuration = try JSONFile.ifPresent(folder + "/tokenizer_config.json")
  if RegularFile.exists(folder + "/tokenizer.model") {
    return try sentencePieceTokenizer(folder + "/tokenizer.model", configuration)
  }
  if let file = try JSONFile.ifPresent(folder + "/tokenizer.json") {
    return try TokenizerJSON(file).tokenizer(
      beginning: configuration?.tokenText("bos_token"),
      end: configuration?.tokenText("eos_token"))
  }
  let vocabularyPath = folder + "/vocab.json"
  let mergesPath = folder + "/merges.txt"
  guard RegularFile.exists(vocabularyPath) || RegularFile.exists(mergesPath) else {
    throw .invalid(
      location: folder, found: "no tokenizer",
      expected: "tokenizer.model, tokenizer.json or vocab.json with merges.txt")
  }
  return try VocabularyFiles.tokenizer(
    vocabularyPath: vocabularyPath, mergesPath: mergesPath, configuration: configuration)
}

func sentencePieceTokenizer(
  _ path: String, _ configuration: JSONFile?
) throws(TokenizerError) -> SentencePieceTokenizer {
  var tokenizer = try SentencePieceTokenizer(contentsOf: path)
  tokenizer.addsBeginning = configuration?.value["add_bos_token"]?.boolean ?? true
  tokenizer.addsEnd = configuration?.value["add_eos_token"]?.boolean ?? false
  tokenizer.setEnds(
    beginning: configuration?.tokenText("bos_token").flatMap(tokenizer.id(ofPiece:)),
    end: configuration?.tokenText("eos_token").flatMap(tokenizer.id(ofPiece:)))
  return tokenizer
}
