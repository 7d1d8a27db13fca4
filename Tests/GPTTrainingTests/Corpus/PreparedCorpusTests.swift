import Foundation
import GPTTraining
import Testing

@Suite struct PreparedCorpusTests {
  private func modify(_ path: String, seconds: Double) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: path)
  }

  @Test(
    arguments: [
      (nil, false), ("", false), ("[1]", false), (#"{"format":"mine"}"#, false),
      (#"{"format":"gpt corpus"}"#, true),
    ] as [(String?, Bool)])
  func onlyOurManifestMakesAFolderACorpus(manifest: String?, isOurs: Bool) throws {
    let folder = try CorpusFolder()
    try folder.write("notes.txt", "text")
    if let manifest { try folder.write("manifest.json", manifest) }
    #expect(try isPreparedCorpus(folder: folder.path) == isOurs)
  }

  @Test func aCorpusIsPreparedOnlyWhenSomethingChanged() throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 100))
    try modify(path, seconds: 1e9)
    var options = folder.options()
    let first = try prepareCorpus([path], options: options)
    #expect(!first.wasReused)
    var again = try prepareCorpus([path], options: options)
    #expect(again.wasReused && again.manifestHash == first.manifestHash)
    // Touched, but with the same contents.
    try modify(path, seconds: 2e9)
    again = try prepareCorpus([path], options: options)
    #expect(again.wasReused && again.manifestHash == first.manifestHash)
    options.validationShare = 0.1
    #expect(try !prepareCorpus([path], options: options).wasReused)
    try folder.write("a.txt", sampleText(lines: 100).replacingOccurrences(of: "a", with: "b"))
    #expect(try !prepareCorpus([path], options: options).wasReused)
  }

  @Test(arguments: ["manifest.json", "training-00000.bin", "tokenizer.json"])
  func whatIsDamagedIsMadeAnew(name: String) throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 100))
    let first = try prepareCorpus([path], options: folder.options())
    try folder.write("prepared/" + name, Array(folder.bytes("prepared/" + name).dropLast(2)))
    #expect(errorLine { _ = try openPreparedCorpus(folder: first.folder) } != "no error")
    let second = try prepareCorpus([path], options: folder.options())
    #expect(!second.wasReused && second.manifestHash == first.manifestHash)
  }

  @Test func otherTokensOfTheSameSizeAreFound() throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 100))
    let corpus = try prepareCorpus([path], options: folder.options())
    var bytes = try folder.bytes("prepared/training-00000.bin")
    bytes[1000] ^= 1
    try folder.write("prepared/training-00000.bin", bytes)
    let found = errorLine { _ = try openPreparedCorpus(folder: corpus.folder) }
    #expect(
      found.hasPrefix(
        "\(corpus.folder)/training-00000.bin: other tokens than were prepared (XXH64 "), "\(found)")
  }

  @Test func aManifestOfAnEarlyVersionHasNoHashesAndOpens() throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 100))
    let corpus = try prepareCorpus([path], options: folder.options())
    let manifest = String(decoding: try folder.bytes("prepared/manifest.json"), as: UTF8.self)
    let early = manifest.replacing(#/,"xxh64":"[0-9a-f]{16}"/#, with: "")
    #expect(early.count == manifest.count - 2 * 27)
    try folder.write("prepared/manifest.json", early)
    #expect(try openPreparedCorpus(folder: corpus.folder).training.ids == corpus.training.ids)
  }

  @Test func leftoversOfAKilledPreparationGoAway() throws {
    let folder = try CorpusFolder()
    let names = [
      "documents.spool.12.partial", "training-00007.bin", "training-00001.bin.9.partial",
      "prepare.lock",
    ]
    for name in names { try folder.write("prepared/" + name, "x") }
    try folder.write("prepared/mine.txt", "stays")
    _ = try prepareCorpus(
      [folder.write("a.txt", sampleText(lines: 100))], options: folder.options())
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/prepared")
    #expect(
      left.sorted() == [
        "manifest.json", "mine.txt", "prepare.lock", "tokenizer.json", "tokenizer_config.json",
        "training-00000.bin", "validation-00000.bin",
      ])
  }

  @Test(arguments: ["tokenizer.json", "manifest.json", "notes.txt"])
  func aFolderOfSomebodyElseStaysAsItIs(name: String) throws {
    let folder = try CorpusFolder()
    try folder.write("prepared/" + name, "{}")
    let path = try folder.write("a.txt", sampleText(lines: 100))
    #expect(
      errorLine { _ = try prepareCorpus([path], options: folder.options()) }
        == "\(folder.path)/prepared: holds '\(name)' and no prepared corpus, expected a new or "
        + "empty folder; choose another one, or empty this one")
    #expect(try names(in: folder.path + "/prepared") == [name])
    #expect(try folder.bytes("prepared/" + name) == Array("{}".utf8))
  }

  @Test func twoPreparationsDoNotShareAFolder() throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 100))
    var second = ""
    _ = try prepareCorpus(
      [path], options: folder.options(),
      progress: { _ in
        guard second.isEmpty else { return }
        second = errorLine { _ = try prepareCorpus([path], options: folder.options()) }
      })
    #expect(
      second == "\(folder.path)/prepared: is in use by another process that prepares a corpus in "
        + "it, expected one process a folder")
    #expect(try prepareCorpus([path], options: folder.options()).wasReused)
  }

  @Test func oldSpoolsGoBeforeTheNewOneIsWritten() throws {
    let folder = try CorpusFolder()
    try folder.write("prepared/prepare.lock", "")
    try folder.write("prepared/documents.spool.12.partial", "x")
    let path = try folder.write("a.txt", sampleText(lines: 100))
    let text = errorLine {
      _ = try prepareCorpus(
        [path], options: folder.options(), isCancelled: { true })
    }
    #expect(text == "interrupted")
    #expect(try names(in: folder.path + "/prepared") == ["prepare.lock"])
  }

  /// What to replace in manifest.json, by what, and a part of the complaint.
  static let forgeries = [
    ("\"bits\":16", "\"bits\":8", "bits: 8"),
    ("\"tokens\":", "\"tokens\":-", "training.shards[0].tokens: -"),
    ("training-00000.bin", "../../etc/passwd", "training.shards[0]: the name '../../etc/passwd'"),
    (
      "\"vocabulary_size\":257,\"end_of_document\":256",
      "\"vocabulary_size\":40,\"end_of_document\":null", "id 122, expected ids below 40"
    ),
    ("\"end_of_document\":256", "\"end_of_document\":300", "end_of_document: 300"),
    ("\"vocabulary_size\":257", "\"vocabulary_size\":0", "vocabulary_size: 0"),
    ("\"version\":1", "\"version\":2", "no 'gpt corpus' of version 1"),
    ("\"name\":\"tokenizer.json\"", "\"name\":\"../x\"", "the name '../x'"),
  ]

  @Test(arguments: forgeries)
  func aForgedManifestIsTurnedAway(old: String, new: String, complaint: String) throws {
    let folder = try CorpusFolder()
    let text = "zzz\n" + sampleText(lines: 50)
    let corpus = try prepareCorpus([folder.write("a.txt", text)], options: folder.options())
    let manifest = String(decoding: try folder.bytes("prepared/manifest.json"), as: UTF8.self)
    // The options name some fields first, a side its tokens before those of its files.
    let places = manifest.ranges(of: old)
    let place = try #require(old == "\"tokens\":" ? places.dropFirst().first : places.first)
    try folder.write(
      "prepared/manifest.json",
      String(manifest[..<place.lowerBound] + new + manifest[place.upperBound...]))
    let found = errorLine { _ = try openPreparedCorpus(folder: corpus.folder) }
    #expect(found.contains(complaint), "\(found)")
  }

  @Test func cancellingStopsEveryPhase() throws {
    let folder = try CorpusFolder()
    let path = try folder.write("a.txt", sampleText(lines: 30_000))
    var phases: [PreparationProgress.Phase] = []
    let options = folder.options(.trained(algorithm: .bpe, vocabularySize: 350))
    _ = try prepareCorpus(
      [path], options: options,
      progress: { progress in
        if phases.last != progress.phase { phases.append(progress.phase) }
      })
    #expect(phases == [.reading, .trainingTokenizer, .encoding])
    for phase in phases {
      try folder.write("prepared/manifest.json", "{}")
      var reached = false
      let text = errorLine {
        _ = try prepareCorpus(
          [path], options: options, progress: { if $0.phase == phase { reached = true } },
          isCancelled: { reached })
      }
      #expect(text == "interrupted")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/prepared")
      #expect(!left.contains { $0.hasSuffix(".partial") || $0.hasPrefix("documents") })
    }
  }
}
