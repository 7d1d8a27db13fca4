/// A vocabulary as a GGUF file embeds it (`tokenizer.ggml.*`), taken out of the file.
package struct GGUFVocabulary: Sendable {
  /// "llama" for SentencePiece, "gpt2" for byte-level BPE.
  package var model: String
  /// The pre-tokeniser's name.
  package var pre: String?
  package var tokens: [[UInt8]]
  package var scores: [Float]?
  /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte (GGUF specification).
  package var types: [Int]?
  package var merges: [[UInt8]]?
  package var beginningOfSequence: Int?
  package var endOfSequence: Int?
  package var unknown: Int?
  package var addBeginningOfSequence: Bool?
  package var addEndOfSequence: Bool?
  package var addSpacePrefix: Bool?
  package var removeExtraWhitespace: Bool?
  /// The file's name, for messages.
  package var location: String

  package init(
    model: String, pre: String?, tokens: [[UInt8]], scores: [Float]?, types: [Int]?,
    merges: [[UInt8]]?, beginningOfSequence: Int?, endOfSequence: Int?, unknown: Int?,
    addBeginningOfSequence: Bool?, addEndOfSequence: Bool?, addSpacePrefix: Bool?,
    removeExtraWhitespace: Bool?, location: String
  ) {
    self.model = model
    self.pre = pre
    self.tokens = tokens
    self.scores = scores
    self.types = types
    self.merges = merges
    self.beginningOfSequence = beginningOfSequence
    self.endOfSequence = endOfSequence
    self.unknown = unknown
    self.addBeginningOfSequence = addBeginningOfSequence
    self.addEndOfSequence = addEndOfSequence
    self.addSpacePrefix = addSpacePrefix
    self.removeExtraWhitespace = removeExtraWhitespace
    self.location = location
  }
}
