import GPTTraining
import Testing

@Suite struct CleaningTests {
  /// Input, text after cleaning, sequences repaired, controls removed.
  static let cases: [([UInt8], String, Int, Int)] = [
    (Array("a\r\nb\rc\n\td".utf8), "a\nb\nc\n\td", 0, 0),
    ([0xef, 0xbb, 0xbf] + Array("mark \u{feff}inside".utf8), "mark \u{feff}inside", 0, 0),
    (Array("bell\u{7} del\u{7f} c1\u{85} page\u{c}".utf8), "bell del c1 page", 0, 4),
    (Array("caf".utf8) + [0xe9] + Array(" noir et th".utf8) + [0xe9], "caf� noir et th�", 2, 0),
    // Table 3-8 of Unicode 16: one U+FFFD for each maximal subpart.
    (
      Array("these are enough letters before ".utf8)
        + [0xe1, 0x80, 0xe2, 0xf0, 0x91, 0x92, 0xf1, 0xbf, 0x41],
      "these are enough letters before ����A", 4, 0
    ),
    (
      Array("a surrogate here ".utf8) + [0xed, 0xa0, 0x80] + Array(" and more text to follow".utf8),
      "a surrogate here ��� and more text to follow", 3, 0
    ),
    (Array("e\u{301}tude \u{1112}\u{1161}\u{11ab}".utf8), "étude 한", 0, 0),
  ]

  @Test(arguments: cases)
  func textIsRepairedAndCounted(
    input: [UInt8], text: String, repaired: Int, removed: Int
  ) throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", input)
    var options = folder.options()
    options.validationShare = 0.2
    let corpus = try prepareCorpus([path], options: options)
    let whole = Array((corpus.training.ids + corpus.validation.ids).map { UInt8($0) })
    #expect(whole == Array(text.utf8))
    #expect(corpus.counts.repairedSequences == repaired && corpus.counts.removedControls == removed)
  }

  /// Blocks are 262,144 bytes: a character, a CR LF and a bad sequence stand across their ends.
  @Test func endsOfBlocksDoNotMatter() throws {
    let folder = try CorpusFolder()
    let block = 1 << 18
    var bytes = Array(repeating: UInt8(ascii: "a"), count: block - 1) + Array("🙂".utf8)
    bytes += Array(repeating: UInt8(ascii: "b"), count: 2 * block - 1 - bytes.count)
    bytes += Array("\r\n".utf8)
    bytes += Array(repeating: UInt8(ascii: "c"), count: 3 * block - 2 - bytes.count)
    bytes += [0xf0, 0x9f, 0x99] + Array("dd".utf8)
    let corpus = try prepareCorpus([folder.write("a.txt", bytes)], options: folder.options())
    let whole = (corpus.training.ids + corpus.validation.ids).map { UInt8($0) }
    let expected =
      Array(repeating: UInt8(ascii: "a"), count: block - 1) + Array("🙂".utf8)
      + Array(repeating: UInt8(ascii: "b"), count: block - 4) + Array("\n".utf8)
      + Array(repeating: UInt8(ascii: "c"), count: block - 3) + Array("\u{fffd}dd".utf8)
    #expect(whole == expected)
    #expect(corpus.counts.repairedSequences == 1)
  }
}
