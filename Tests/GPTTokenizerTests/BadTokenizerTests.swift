import Foundation
import GPTTensor
import GPTTokenizer
import Testing

@Suite struct BadTokenizerTests {
  private static let vocabulary = #"{"a": 0, "b": 1, "ab": 2}"#

  @Test(arguments: [
    (["vocab.json": "{}", "merges.txt": ""], "vocab.json: no tokens, expected a vocabulary"),
    (
      ["vocab.json": #"{"a": 0, "b": 0}"#, "merges.txt": ""],
      "vocab.json: id 0 for 'a' and 'b', expected different ids"
    ),
    (
      ["vocab.json": #"{"a": 2147483648}"#, "merges.txt": ""],
      "vocab.json: id 2147483648 of 'a', expected 0 to 1048575"
    ),
    (
      ["vocab.json": #"{"a": 1.5}"#, "merges.txt": ""],
      "vocab.json: vocabulary: 1.5 as the id of 'a', expected a whole number"
    ),
    (
      ["vocab.json": vocabulary, "merges.txt": "a c\n"],
      "merges.txt: merges[0]: part 'c', expected a token of the vocabulary"
    ),
    (
      ["vocab.json": vocabulary, "merges.txt": "a b\nb a\n"],
      "merges.txt: merges[1]: product 'ba', expected a token of the vocabulary"
    ),
    (
      ["vocab.json": vocabulary, "merges.txt": "#version: 0.2\n\u{1b}[2Jab\n"],
      "merges.txt: line 2: '\\u{1b}[2Jab', expected two tokens with a space between"
    ),
    (
      ["vocab.json": vocabulary],
      "merges.txt: cannot open it: No such file or directory"
    ),
    (
      ["tokenizer.json": #"{"model": {"type": "WordPiece"}}"#],
      "tokenizer.json: model.type: 'WordPiece' is not supported, expected 'BPE'"
    ),
  ])
  func badFilesAreNamedInOneLine(files: [String: String], message: String) throws {
    try Fixture.withFolder(files) { folder in
      let text = errorText { _ = try loadTokenizer(folder: folder) }
      #expect(text == folder + "/" + message)
    }
  }

  @Test func aFolderWithoutTokenizerSaysWhatWouldDo() throws {
    try Fixture.withFolder([:]) { folder in
      let text = errorText { _ = try loadTokenizer(folder: folder) }
      #expect(
        text.hasSuffix("expected tokenizer.model, tokenizer.json or vocab.json with merges.txt"))
    }
  }

  @Test(arguments: [
    ("/dev/zero", "is a device, expected a regular file"),
    ("/dev/null", "is a device, expected a regular file"),
    ("/tmp", "is a directory, expected a regular file"),
    ("/nonexistent", "cannot open it: No such file or directory"),
  ])
  func whatIsNoRegularFileIsRefused(path: String, expected: String) {
    let text = errorText { _ = try SentencePieceTokenizer(contentsOf: path) }
    #expect(text == "\(path): \(expected)")
  }

  @Test func everyDamagedByteOfASentencePieceModelEndsInAnErrorOrAModel() throws {
    let bytes = try RegularFile.bytes(of: Fixture.folder + "/spm-bpe.model")
    var generator = FixedGenerator()
    for position in stride(from: 0, to: bytes.count, by: 7) {
      var damaged = bytes
      damaged[position] = UInt8.random(in: 0...255, using: &generator)
      guard let tokenizer = try? SentencePieceTokenizer(modelBytes: damaged, location: "m") else {
        continue
      }
      _ = try? tokenizer.encode("The river é 🙂", addSpecialTokens: true, parseSpecialTokens: true)
    }
    for count in stride(from: 0, to: bytes.count, by: 13) {
      _ = try? SentencePieceTokenizer(modelBytes: Array(bytes[..<count]), location: "m")
    }
  }

  @Test func bytesWithoutATokenAreDroppedAsTokenizersDropsThem() throws {
    try Fixture.withFolder(["vocab.json": Self.vocabulary, "merges.txt": "a b\n"]) { folder in
      let tokenizer = try loadTokenizer(folder: folder)
      for (text, ids) in [("abba", [2, 1, 0]), ("c", []), ("acb", [2])] as [(String, [Int32])] {
        #expect(
          try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false) == ids)
      }
    }
  }

  /// Merges are looked up sixteen at a time.
  @Test(arguments: [0, 15, 16, 40])
  func theMergeIsNamedWhosePartIsMissing(rank: Int) {
    let letters = (0..<26).map { UInt8(0x61 + $0) }
    var tokens = ByteStrings(letters.map { [$0] })
    var merges = ByteStrings()
    for index in 0..<48 {
      let pair = [letters[index / 26], letters[index % 26]]
      tokens.append(pair)
      merges.append([pair[0], 0x20, index == rank ? 0x41 : pair[1]])
    }
    var file = GGUFVocabulary(model: "gpt2", tokens: tokens, location: "m.gguf")
    file.merges = merges
    #expect(
      errorText { _ = try makeTokenizer(file) }
        == "m.gguf: tokenizer.ggml.merges: merges[\(rank)]: part 'A', "
        + "expected a token of the vocabulary")
  }

  @Test(arguments: [[[0x61], [0xff]], [[0x61], [0xc3], [0xa9]]] as [[[UInt8]]])
  func aTokenThatIsNotUTF8IsNamed(tokens: [[UInt8]]) {
    let file = GGUFVocabulary(model: "gpt2", tokens: ByteStrings(tokens), location: "m.gguf")
    let text = errorText { _ = try makeTokenizer(file) }
    #expect(text.hasPrefix("m.gguf: tokenizer.ggml.tokens[1]: "), "\(text)")
    #expect(text.hasSuffix(", expected UTF-8"))
  }

  @Test func ggufFieldsAreChecked() {
    var file = GGUFVocabulary(model: "gpt2", tokens: [[0x61]], location: "m.gguf")
    file.types = [1, 1]
    #expect(
      errorText { _ = try makeTokenizer(file) }
        == "m.gguf: tokenizer.ggml.token_type: 2 values, expected 1, one a token")
    file.types = [1]
    file.endOfSequence = 7
    #expect(
      errorText { _ = try makeTokenizer(file) }
        == "m.gguf: tokenizer.ggml.eos_token_id: 7, expected an id below 1")
    file.endOfSequence = nil
    file.model = "bert"
    #expect(
      errorText { _ = try makeTokenizer(file) }
        == "m.gguf: tokenizer.ggml.model: 'bert' is not supported, expected 'llama' or 'gpt2'")
  }
}

/// The same numbers in every run (Knuth's MMIX linear congruence).
private struct FixedGenerator: RandomNumberGenerator {
  private var state: UInt64 = 1
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 32
  }
}
