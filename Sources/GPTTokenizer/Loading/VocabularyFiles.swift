internal import GPTJSON

/// Reads the pair `vocab.json` and `merges.txt`, as GPT-2 and its kin were published.
package enum VocabularyFiles {
  package static func tokenizer(
    vocabularyPath: String, mergesPath: String, configuration: JSONFile?
  ) throws(TokenizerError) -> ByteLevelTokenizer {
    try ByteLevelTokenizer(
      vocabulary(
        vocabularyPath: vocabularyPath, mergesPath: mergesPath, configuration: configuration))
  }

  static func vocabulary(
    vocabularyPath: String, mergesPath: String, configuration: JSONFile?
  ) throws(TokenizerError) -> BytePairVocabulary {
    let file = try JSONFile(contentsOf: vocabularyPath)
    var vocabulary = BytePairVocabulary(location: vocabularyPath)
    vocabulary.mergesLocation = mergesPath
    try vocabulary.insert(vocabulary: file.value, field: "vocabulary", of: file)
    guard vocabulary.idCount > 0 else {
      throw vocabulary.failure("no tokens", "a vocabulary")
    }
    vocabulary.merges = try merges(of: mergesPath)
    if configuration?.value["tokenizer_class"]?.string?.hasPrefix("Qwen2") == true {
      vocabulary.preTokenizer = .qwen2
      vocabulary.composesText = true
    }
    vocabulary.preTokenizerName = vocabulary.preTokenizer.rawValue
    try insertAddedTokens(configuration, into: &vocabulary)
    let standard = "<|endoftext|>"
    vocabulary.beginning = vocabulary.id(of: configuration?.tokenText("bos_token") ?? standard)
    vocabulary.end = vocabulary.id(of: configuration?.tokenText("eos_token") ?? standard)
    if configuration?.value["add_bos_token"]?.boolean == true, let id = vocabulary.beginning {
      vocabulary.prefix = [id]
    }
    return vocabulary
  }

  private static func insertAddedTokens(
    _ configuration: JSONFile?, into vocabulary: inout BytePairVocabulary
  ) throws(TokenizerError) {
    let added = configuration?.value["added_tokens_decoder"]?.object?.members ?? []
    for (key, token) in added {
      guard let id = Int(key), let text = token["content"]?.string, !text.isEmpty else { continue }
      let kind: BytePairVocabulary.Kind =
        token["special"]?.boolean == true ? .control : .userDefined
      try vocabulary.insert(id: id, text: text, kind: kind, replaces: true)
      vocabulary.recognise(AddedToken(id: Int32(truncatingIfNeeded: id), text: Array(text.utf8)))
    }
    let standard = "<|endoftext|>"
    guard added.isEmpty, let id = vocabulary.id(of: standard) else { return }
    try vocabulary.insert(id: Int(id), text: standard, kind: .control, replaces: true)
    vocabulary.recognise(AddedToken(id: id, text: Array(standard.utf8)))
  }

  /// The lines of `merges.txt` after its `#version` line; blank lines are skipped.
  private static func merges(of path: String) throws(TokenizerError) -> MergeList {
    let bytes = try RegularFile.bytes(of: path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .invalid(location: path, found: "bytes that are not UTF-8", expected: "UTF-8")
    }
    var merges = MergeList()
    var number = 0
    for var line in Substring(text).utf8.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      if line.last == 0x0d { line.removeLast() }
      if line.isEmpty || (number == 1 && line.starts(with: "#version".utf8)) { continue }
      guard let pair = MergeList.parts(of: line) else {
        throw .invalid(
          location: "\(path): line \(number)", found: quotedForMessage(Array(line.prefix(200))),
          expected: "two tokens with a space between")
      }
      merges.append(left: pair.left, right: pair.right)
    }
    return merges
  }
}
