internal import CSentencePiece

/// Trains a SentencePiece vocabulary with Google's library.
public struct SentencePieceTrainer: Sendable {
  public enum Algorithm: String, Sendable { case bpe, unigram }

  public var algorithm = Algorithm.bpe
  public var vocabularySize: Int
  /// Spell characters that are not in the vocabulary in bytes.
  public var fallsBackToBytes = true
  /// Share of the corpus's characters that get a piece of their own.
  public var characterCoverage = 0.9995
  /// "identity", "nfkc", "nmt_nfkc", "nfkc_cf" or "nmt_nfkc_cf".
  public var normalizationRule = "identity"
  public var removesExtraSpaces = false
  public var addsDummyPrefix = true
  public var splitsDigits = true
  /// Fail when a unigram vocabulary of exactly `vocabularySize` cannot be made.
  public var hasHardVocabularyLimit = true
  /// Sentences to draw at random from the corpus; 0 for all.
  public var sentenceSample = 0
  /// Longer sentences are left out by the library.
  public var maximumSentenceBytes = 16_384
  public var userDefinedSymbols: [String] = []
  public var controlSymbols: [String] = []
  public var unknownId = 0
  public var beginningId = 1
  public var endId = 2
  /// -1 for none.
  public var paddingId = -1
  public var threadCount = 1
  /// The library's own options, by their names, over those above.
  public var extraOptions: [String: String] = [:]

  public init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// The serialized ModelProto trained on `sentences`, read once and in order; the same input and
  /// options give the same bytes.
  public func train(_ sentences: some Sequence<String>) throws(TokenizerError) -> [UInt8] {
    let options = try checkedOptions()
    let source = SentenceSource(sentences)
    var model: UnsafeMutablePointer<CChar>?
    var error: UnsafeMutablePointer<CChar>?
    let keys = options.map { CText($0.0) }
    let values = options.map { CText($0.1) }
    let count = gpt_sp_train(
      keys.map { UnsafePointer($0.pointer) }, values.map { UnsafePointer($0.pointer) },
      options.count,
      { context, bytes, length in
        guard let context else { return 0 }
        return Unmanaged<SentenceSource>.fromOpaque(context).takeUnretainedValue()
          .next(bytes, length)
      }, Unmanaged.passUnretained(source).toOpaque(), &model, &error)
    withExtendedLifetime((source, keys, values)) {}
    guard count >= 0, let model else {
      throw .training(reason: SentencePieceHandle.take(&error))
    }
    defer { gpt_sp_free(model) }
    return Array(UnsafeRawBufferPointer(start: model, count: Int(count)))
  }

  private func checkedOptions() throws(TokenizerError) -> [(String, String)] {
    guard (1...SentencePieceModelFile.Limits.pieces).contains(vocabularySize) else {
      throw .training(
        reason: "a vocabulary of \(vocabularySize), expected 1 to "
          + "\(SentencePieceModelFile.Limits.pieces)")
    }
    guard (0.5...1).contains(characterCoverage) else {
      throw .training(reason: "a character coverage of \(characterCoverage), expected 0.5 to 1")
    }
    for symbol in userDefinedSymbols + controlSymbols {
      guard !symbol.isEmpty, !symbol.contains(","), !symbol.contains("\"") else {
        throw .training(
          reason: "the symbol \(quotedForMessage(symbol)), expected a text without comma or quote")
      }
    }
    let files = ["input", "model_prefix", "normalization_rule_tsv"]
    if let name = extraOptions.keys.first(where: files.contains) {
      throw .training(reason: "the option '\(name)', expected none that names a file")
    }
    var options = ownOptions
    options.merge(extraOptions) { $1 }
    return options.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private var ownOptions: [String: String] {
    [
      "model_type": algorithm.rawValue, "vocab_size": "\(vocabularySize)",
      "byte_fallback": "\(fallsBackToBytes)", "character_coverage": "\(characterCoverage)",
      "normalization_rule_name": normalizationRule,
      "remove_extra_whitespaces": "\(removesExtraSpaces)", "add_dummy_prefix": "\(addsDummyPrefix)",
      "split_digits": "\(splitsDigits)", "hard_vocab_limit": "\(hasHardVocabularyLimit)",
      "input_sentence_size": "\(sentenceSample)", "shuffle_input_sentence": "false",
      "max_sentence_length": "\(maximumSentenceBytes)",
      "user_defined_symbols": userDefinedSymbols.joined(separator: ","),
      "control_symbols": controlSymbols.joined(separator: ","), "unk_id": "\(unknownId)",
      "bos_id": "\(beginningId)", "eos_id": "\(endId)", "pad_id": "\(paddingId)",
      "num_threads": "\(max(1, min(threadCount, 128)))", "minloglevel": "2",
    ].filter { !$0.value.isEmpty }
  }
}

/// A NUL-terminated copy of a text that stays where it is.
private final class CText {
  let pointer: UnsafeMutablePointer<CChar>

  init(_ text: String) {
    let bytes = Array(text.utf8CString)
    pointer = .allocate(capacity: bytes.count)
    pointer.initialize(from: bytes, count: bytes.count)
  }

  deinit { pointer.deallocate() }
}

/// Hands sentences to the library one at a time.
private final class SentenceSource {
  private var nextSentence: () -> String?
  private var buffer: UnsafeMutableRawBufferPointer = .allocate(byteCount: 4096, alignment: 1)

  init(_ sentences: some Sequence<String>) {
    var iterator = sentences.makeIterator()
    nextSentence = { iterator.next() }
  }

  deinit { buffer.deallocate() }

  func next(
    _ bytes: UnsafeMutablePointer<UnsafePointer<CChar>?>?, _ length: UnsafeMutablePointer<Int>?
  ) -> Int32 {
    guard var sentence = nextSentence() else { return 0 }
    sentence.withUTF8 { text in
      if text.count > buffer.count {
        buffer.deallocate()
        buffer = .allocate(byteCount: 2 * text.count, alignment: 1)
      }
      buffer.copyMemory(from: UnsafeRawBufferPointer(text))
      bytes?.pointee = buffer.baseAddress.map {
        UnsafePointer($0.assumingMemoryBound(to: CChar.self))
      }
      length?.pointee = text.count
    }
    return 1
  }
}
