import GPTTraining
import Testing

@Suite struct DuplicateTests {
  /// Sixty documents, the first again with one word changed, and the second again as it is.
  private func corpus(
    _ folder: CorpusFolder, _ deduplication: PreparationOptions.Deduplication
  ) throws -> PreparedCorpus {
    var documents = (1...60).map { sampleText(lines: 20, seed: $0) }
    documents.append(documents[0].replacingOccurrences("3 ", with: "three "))
    documents.append(documents[1])
    for (index, text) in documents.enumerated() { try folder.write("in/\(100 + index).txt", text) }
    var options = folder.options()
    options.deduplication = deduplication
    return try prepareCorpus([folder.path + "/in"], options: options)
  }

  @Test(arguments: [
    (PreparationOptions.Deduplication.near, 1, 1), (.exact, 1, 0), (.off, 0, 0),
  ])
  func repeatedDocumentsAreLeftOut(
    deduplication: PreparationOptions.Deduplication, exact: Int, near: Int
  ) throws {
    let counts = try corpus(CorpusFolder(), deduplication).counts
    #expect(counts.documents == 62)
    #expect(counts.exactDuplicates == exact && counts.nearDuplicates == near)
    #expect(counts.keptPieces == 62 - exact - near)
  }

  @Test(arguments: [PreparationOptions.Deduplication.near, .off])
  func noDocumentIsOnBothSides(deduplication: PreparationOptions.Deduplication) throws {
    let prepared = try corpus(CorpusFolder(), deduplication)
    let training = Set(prepared.training.byteText.split(separator: "|"))
    let validation = prepared.validation.byteText.split(separator: "|")
    #expect(!validation.isEmpty && validation.allSatisfy { !training.contains($0) })
    #expect(training.count + validation.count >= 60)
  }

  /// The estimate is of 64 hashes: at a similarity of 0.95 the chance to miss 52 is below 1e-5, and
  /// at 0.5 the chance to reach them is as well.
  @Test func similarityDecidesWhatIsADuplicate() {
    var near = NearDuplicates()
    let words = (0..<1000).map { "w\($0)" }
    func text(_ words: [String]) -> [UInt8] { Array(words.joined(separator: " ").utf8) }
    let uppercase = words.map { $0.uppercased() }
    let similar = words.dropLast(20) + (0..<20).map { "x\($0)" }
    let other = words.prefix(500) + (0..<300).map { "y\($0)" }
    let found = [
      words, uppercase, Array(similar), Array(other), ["too", "short"], ["too", "short"],
    ]
    .map { near.isDuplicate(text($0)) }
    #expect(found == [false, true, true, false, false, false])
  }
}

extension String {
  fileprivate func replacingOccurrences(_ old: String, with new: String) -> String {
    guard let range = firstRange(of: old) else { return self }
    return String(self[..<range.lowerBound] + new + self[range.upperBound...])
  }
}
