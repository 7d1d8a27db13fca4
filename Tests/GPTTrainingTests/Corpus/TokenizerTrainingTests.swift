import Foundation
import GPTTokenizer
import GPTTraining
import Testing

@Suite struct TokenizerTrainingTests {
  static let nasty = "  a   b\n\n\n  c\td 漢字 🙂 \n river\r house <s></s>|\n the river\n"

  @Test(arguments: [
    PreparationOptions.TokenizerChoice.trained(algorithm: .bpe, vocabularySize: nil),
    .trained(algorithm: .unigram, vocabularySize: nil),
    .trained(algorithm: .bpe, vocabularySize: 300), .bytes, .characters,
  ])
  func anyTextComesBackAsItWas(tokenizer choice: PreparationOptions.TokenizerChoice) throws {
    let folder = try CorpusFolder()
    let text = sampleText(lines: 300) + Self.nasty
    let corpus = try prepareCorpus([folder.write("a.txt", text)], options: folder.options(choice))
    let tokenizer = try loadTokenizer(folder: corpus.tokenizerFolder)
    #expect(tokenizer.vocabularySize == corpus.vocabularySize)
    #expect(tokenizer.endOfSequence == corpus.endOfDocument)
    let ids = corpus.training.ids + corpus.validation.ids
    let clean = text.replacingOccurrences(of: "\r", with: "\n")
    #expect(tokenizer.decode(ids, includeSpecialTokens: false) == clean)
    // What a prompt gets is what was trained on, without a token before it.
    let line = "the river\nhouse"
    let prompt = try tokenizer.encode(line, addSpecialTokens: true, parseSpecialTokens: false)
    #expect(tokenizer.decode(prompt, includeSpecialTokens: true) == line)
  }

  @Test(arguments: ["\n", " ", "a", "漢", "a b\n"])
  func degenerateTextsTrainToo(unit: String) throws {
    let folder = try CorpusFolder()
    let text = String(repeating: unit, count: 5000)
    let corpus = try prepareCorpus(
      [folder.write("a.txt", text)],
      options: folder.options(.trained(algorithm: .bpe, vocabularySize: nil)))
    let tokenizer = try loadTokenizer(folder: corpus.tokenizerFolder)
    let ids = corpus.training.ids + corpus.validation.ids
    #expect(tokenizer.decode(ids, includeSpecialTokens: false) == text)
  }

  @Test func lineFeedsAreTokensOfTheirOwn() throws {
    let folder = try CorpusFolder()
    let corpus = try prepareCorpus(
      [folder.write("a.txt", sampleText(lines: 200))],
      options: folder.options(.trained(algorithm: .bpe, vocabularySize: nil)))
    let tokenizer = try loadTokenizer(folder: corpus.tokenizerFolder)
    let id = try #require(tokenizer.id(ofPiece: "\n"))
    #expect((corpus.training.ids + corpus.validation.ids).filter { $0 == id }.count == 200)
  }

  @Test(arguments: [
    (100, "vocabulary size: 100, too small for the corpus's characters, expected at least "),
    (100_000, "vocabulary size: 100000, larger than the corpus gives, expected at most "),
  ])
  func aSizeThatDoesNotFitIsNamedWithOneThatDoes(size: Int, expected: String) throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 200))
    func prepare(_ size: Int) throws -> PreparedCorpus {
      try prepareCorpus(
        [path], options: folder.options(.trained(algorithm: .bpe, vocabularySize: size)))
    }
    let text = errorLine { _ = try prepare(size) }
    #expect(text.hasPrefix(expected))
    let named = try #require(Int(text.dropFirst(expected.count)))
    #expect(try prepare(named).vocabularySize == named)
  }

  @Test func anExistingTokenizerIsTakenWithItsFiles() throws {
    let folder = try CorpusFolder()
    let text = sampleText(lines: 200)
    let path = try folder.write("a.txt", text)
    let first = try prepareCorpus(
      [path],
      options: folder.options(.trained(algorithm: .bpe, vocabularySize: nil), folder: "first"))
    let second = try prepareCorpus(
      [path], options: folder.options(.existing(path: first.folder), folder: "second"))
    #expect(second.training.ids == first.training.ids)
    #expect(second.tokenizerHashes == first.tokenizerHashes)
    let model = first.folder + "/tokenizer.model"
    let third = try prepareCorpus(
      [path], options: folder.options(.existing(path: model), folder: "third"))
    #expect(third.validation.ids == first.validation.ids)
    #expect(
      errorLine {
        _ = try prepareCorpus([path], options: folder.options(.existing(path: path)))
      }
        == "\(path): a file that is no SentencePiece .model, "
        + "expected a tokenizer's folder, a .model file, 'bytes' or 'characters'")
    let broken = try folder.write("broken.model", text)
    for (tokenizer, expected) in [(broken, broken + ": "), (folder.path, folder.path + ": no tok")]
    {
      let options = folder.options(.existing(path: tokenizer), folder: "first")
      let found = errorLine { _ = try prepareCorpus([path], options: options) }
      #expect(found.hasPrefix(expected), "\(found)")
    }
    #expect(try openPreparedCorpus(folder: first.folder).manifestHash == first.manifestHash)
  }

  @Test func threadsDoNotChangeAByte() throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 30_000))
    let hashes = try [1, 3].map { threads in
      var options = folder.options(
        .trained(algorithm: .bpe, vocabularySize: 350), folder: "\(threads)")
      options.threadCount = threads
      return try prepareCorpus([path], options: options).manifestHash
    }
    #expect(hashes[0] == hashes[1])
  }
}
