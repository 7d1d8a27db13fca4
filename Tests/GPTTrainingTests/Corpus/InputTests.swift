import Foundation
import GPTTraining
import Testing

@Suite struct InputTests {
  @Test func foldersAreReadInTheOrderOfTheirNames() throws {
    let folder = try CorpusFolder()
    try folder.write("in/b.txt", "second of all the texts here")
    try folder.write("in/a/z.md", "first one because its folder is a")
    try folder.write("in/c.jsonl", "{\"text\": \"third\"}\n\n{\"text\": \"fourth\", \"n\": 1}\n")
    try folder.write("in/.hidden", "not this one")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/in/a/loop", withDestinationPath: folder.path + "/in")
    var options = folder.options(folder: "in/prepared")
    options.validationShare = 0.01
    let corpus = try prepareCorpus([folder.path + "/in"], options: options)
    #expect(corpus.counts.documents == 4)
    #expect(
      corpus.training.byteText
        == "first one because its folder is |second of all the texts her|thir|fourt")
    // The output lies inside the input and must not become part of it.
    #expect(try prepareCorpus([folder.path + "/in"], options: options).wasReused)
  }

  @Test(arguments: [1, 512, 600_000])
  func zerosBehindGzipDataArePadding(count: Int) throws {
    let folder = try CorpusFolder()
    let text = sampleText(lines: 100)
    let zeros = [UInt8](repeating: 0, count: count)
    let path = try folder.write("a.gz", gzip(Array(text.utf8)) + zeros)
    let corpus = try prepareCorpus([path], options: folder.options())
    #expect(corpus.training.byteText + corpus.validation.byteText == text)
    try folder.write("a.gz", gzip(Array(text.utf8)) + zeros + [1])
    #expect(
      errorLine { _ = try prepareCorpus([path], options: folder.options()) }
        == "\(path): gzip data that end too early, expected a whole gzip file")
  }

  @Test func aLineOfMillionsOfValuesIsTurnedAway() throws {
    let folder = try CorpusFolder()
    let list = String(repeating: "0,", count: 300_000)
    let path = try folder.write("a.jsonl", "{\"text\": \"a\", \"list\": [\(list)0]}\n")
    let found = errorLine { _ = try prepareCorpus([path], options: folder.options()) }
    #expect(found.hasPrefix("\(path): line 1: ") && found.contains("262144"), "\(found)")
  }

  @Test(arguments: ["a.txt.gz", "a.txt"])
  func gzipIsUnpackedWhateverItsName(name: String) throws {
    let folder = try CorpusFolder()
    let text = sampleText(lines: 20_000)
    let (first, second) = (Array(text.utf8.prefix(500_000)), Array(text.utf8.dropFirst(500_000)))
    let packed = try folder.write(name, gzip(first) + gzip(second))
    let corpus = try prepareCorpus([packed], options: folder.options())
    #expect(corpus.training.byteText + corpus.validation.byteText == text)
  }

  @Test func jsonLinesTakeTheirTextFieldAndRepairIt() throws {
    let folder = try CorpusFolder()
    let bytes = Array("{\"body\": \"one \\u0007line with text \\ud83d\\ude42 ".utf8) + [0xff]
    let path = try folder.write("a.jsonl", bytes + Array("\"}\n".utf8))
    var options = folder.options()
    options.textField = "body"
    let corpus = try prepareCorpus([path], options: options)
    #expect(
      corpus.training.byteText + corpus.validation.byteText == "one line with text 🙂 \u{fffd}")
    #expect(corpus.counts.repairedSequences == 1 && corpus.counts.removedControls == 1)
  }

  /// Name, contents, what stands behind the path in the message.
  static let bad: [(String, [UInt8], String)] = [
    ("a.txt", [], ": no text, expected text to train on"),
    (
      "a.txt", [0x20],
      ": 0 tokens in the training part of 1 bytes of text, expected at least 2; more text"
    ),
    (
      "a.txt", Array("ab\0c".utf8),
      ": a NUL at byte 2 (a binary file or UTF-16), expected UTF-8 text"
    ),
    (
      "a.txt", [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, 0xff],
      ": 7 sequences in 21 bytes that are not UTF-8, expected UTF-8 text"
    ),
    (
      "a.gz", Array(gzip(Array("hello world".utf8)).dropLast(9)),
      ": gzip data that end too early, expected a whole gzip file"
    ),
    (
      "a.gz", [0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
      ": damaged gzip data (unknown compression method), expected a whole gzip file"
    ),
    (
      "a.jsonl", Array("{\"text\": \"a\"}\n{\"text\": 1}\n".utf8),
      ": line 2: a number in 'text', expected an object with a string in 'text'"
    ),
    (
      "a.jsonl", Array("{\"x\": \"a\"}".utf8),
      ": line 1: no 'text', expected an object with a string in 'text'"
    ),
    (
      "a.jsonl", Array("[1]".utf8), ": line 1: an array, expected an object with a string in 'text'"
    ),
    (
      "a.jsonl", Array("\n{\"text\": ".utf8),
      ": line 2: byte 9: found the end of the text, expected a value, expected a JSON object"
    ),
  ]

  @Test(arguments: bad)
  func badFilesAreOneClearLine(name: String, contents: [UInt8], expected: String) throws {
    let folder = try CorpusFolder()
    let path = try folder.write(name, contents)
    #expect(
      errorLine { _ = try prepareCorpus([path], options: folder.options()) } == path + expected)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/prepared")
    #expect(!left.contains { $0.hasPrefix("documents") || $0 == "manifest.json" })
  }

  @Test func thingsThatAreNoFilesAreTurnedAway() throws {
    let folder = try CorpusFolder()
    #expect(mkfifo(folder.path + "/fifo", 0o600) == 0)
    try FileManager.default.createDirectory(
      atPath: folder.path + "/empty", withIntermediateDirectories: true)
    for (path, expected) in [
      ("fifo", "is a FIFO, expected a regular file"),
      ("empty", "a folder without files, expected text files"),
      ("nothing", "cannot open it: No such file or directory"),
    ] {
      let whole = "\(folder.path)/\(path)"
      #expect(
        errorLine { _ = try prepareCorpus([whole], options: folder.options()) }
          == "\(whole): \(expected)")
    }
    let device = errorLine { _ = try prepareCorpus(["/dev/zero"], options: folder.options()) }
    #expect(device == "/dev/zero: is a device, expected a regular file")
  }
}
