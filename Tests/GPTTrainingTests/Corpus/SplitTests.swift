import Foundation
import GPTTraining
import Testing

@Suite struct SplitTests {
  /// data/shakespeare_char/prepare.py of nanoGPT: the first ⌊0.9 n⌋ characters train, ids are
  /// places in the sorted characters.
  @Test func oneDocumentOfCharactersIsSplitAndNumberedAsByNanoGPT() throws {
    let folder = try CorpusFolder()
    let text = sampleText(lines: 333) + "Über 漢字 🙂 und Ende"
    let characters = Array(text.unicodeScalars)
    var options = folder.options(.characters)
    options.validationShare = 0.1
    let corpus = try prepareCorpus([folder.write("a.txt", text)], options: options)
    let sorted = Set(characters).sorted()
    let ids = characters.map { Int32(sorted.firstIndex(of: $0) ?? -1) }
    let cut = Int(Double(characters.count) * 0.9)
    #expect(corpus.training.ids == Array(ids[..<cut]))
    #expect(corpus.validation.ids == Array(ids[cut...]))
    #expect(corpus.endOfDocument == Int32(sorted.count))
    #expect(
      corpus.trainingBytes == String(String.UnicodeScalarView(characters[..<cut])).utf8.count)
  }

  @Test func asciiCharactersNeedNoOtherToken() throws {
    let folder = try CorpusFolder()
    let corpus = try prepareCorpus(
      [folder.write("a.txt", "hello there, world and more of it\n")],
      options: folder.options(.characters))
    #expect(corpus.vocabularySize == Set("hello there, world and more of it\n").count + 1)
  }

  @Test func aLargeFileIsOneDocumentWithoutSeams() throws {
    let folder = try CorpusFolder()
    // More than the 16 MiB that are handled at once.
    let line = String(repeating: "0123456789 abcdefghij ", count: 50) + "\n"
    let count = 18_000_000 / line.utf8.count
    let text = (0..<count).map { "\($0) " + line }.joined()
    let corpus = try prepareCorpus([folder.write("a.txt", text)], options: folder.options())
    let cut = Int(Double(text.utf8.count) * 0.95)
    #expect(corpus.counts.documents == 1 && corpus.counts.keptPieces == 2)
    #expect(corpus.training.count == cut && corpus.validation.count == text.utf8.count - cut)
    #expect(corpus.training.byteText == String(decoding: text.utf8.prefix(cut), as: UTF8.self))
  }

  @Test func manyDocumentsAreSplitByTheirTextsAlone() throws {
    let folder = try CorpusFolder()
    let lines = (0..<400).map { "{\"text\": \"\(sampleText(lines: 1, seed: $0).dropLast())\"}\n" }
    var options = folder.options()
    options.validationShare = 0.25
    let corpus = try prepareCorpus(
      [folder.write("a.jsonl", lines.joined())], options: options)
    let validation = Set(corpus.validation.byteText.split(separator: "|"))
    #expect((60...140).contains(validation.count))
    options.folder += "-reversed"
    let reversed = try prepareCorpus(
      [folder.write("b.jsonl", lines.reversed().joined())], options: options)
    #expect(Set(reversed.validation.byteText.split(separator: "|")) == validation)
  }

  @Test func aValidationTextThatTrainingHasIsRefused() throws {
    let folder = try CorpusFolder()
    let text = sampleText(lines: 50)
    var options = folder.options()
    options.validationShare = 0.5
    #expect(
      errorLine { _ = try prepareCorpus([folder.write("a.txt", text + text)], options: options) }
        == "corpus: a text in both the training and the validation part, "
        + "expected different texts (--dedupe exact or near leaves repetitions out)")
  }
}
