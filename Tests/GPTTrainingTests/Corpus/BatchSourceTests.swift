import GPTModel
import GPTTraining
import Testing

@Suite struct BatchSourceTests {
  /// The tokens 0, 1, 2, … in files of `shardTokens`.
  private func shards(
    _ folder: CorpusFolder, count: Int, shardTokens: Int = 1 << 20, bitWidth: Int = 16,
    vocabularySize: Int? = nil
  ) throws -> TokenShards {
    var files: [ShardFile] = []
    for start in stride(from: 0, to: count, by: shardTokens) {
      let ids = start..<min(count, start + shardTokens)
      let name = "training-\(files.count).bin"
      let bytes = ids.flatMap { id in
        (0..<(bitWidth / 8)).map { UInt8(truncatingIfNeeded: id >> (8 * $0)) }
      }
      try folder.write(name, bytes)
      files.append(ShardFile(name: name, tokenCount: ids.count, sha256: ""))
    }
    return try TokenShards(
      folder: folder.path, files: files, bitWidth: bitWidth,
      vocabularySize: vocabularySize ?? max(1, count))
  }

  @Test(arguments: [(16, 7), (16, 100), (32, 33), (32, 1000)])
  func shardsAreOneStream(bitWidth: Int, shardTokens: Int) throws {
    let folder = try CorpusFolder()
    let tokens = try shards(folder, count: 100, shardTokens: shardTokens, bitWidth: bitWidth)
    #expect(tokens.ids == Array(0..<100))
    var part = [Int32](repeating: -1, count: 31)
    tokens.copy(5..<36, into: &part)
    #expect(part == Array(5..<36))
  }

  @Test func idsOutsideTheVocabularyAreFoundAtOpening() throws {
    let folder = try CorpusFolder()
    let text = errorLine { _ = try shards(folder, count: 100, vocabularySize: 99) }
    #expect(
      text == "\(folder.path)/training-0.bin: id 99, "
        + "expected ids below 99, the size of the vocabulary")
  }

  @Test(arguments: [Int.max, Int.max / 3, .min, -1], BatchSource.Sampling.allCases)
  func everyNumberIsABatch(index: Int, sampling: BatchSource.Sampling) throws {
    let source = try BatchSource(
      shards: shards(CorpusFolder(), count: 100), sequenceCount: 3, length: 7, seed: 5,
      sampling: sampling)
    let batch = source.batch(index: index)
    #expect(batch.inputs.count == 21)
    #expect(zip(batch.inputs, batch.targets).allSatisfy { $0 + 1 == $1 })
  }

  @Test(arguments: [1, 2, 3, 7, 64, 65, 1000, 4097], [0, 1, UInt64.max])
  func thePermutationHitsEveryIndexOnce(count: Int, key: UInt64) {
    let order = KeyedPermutation(count: count, key: key)
    #expect(Set((0..<count).map { order[$0] }) == Set(0..<count))
  }

  @Test(arguments: [(1000, 7), (64, 16), (17, 16), (33, 16)])
  func anEpochShowsWindowsOnceFromAPhaseOn(count: Int, length: Int) throws {
    let source = try BatchSource(
      shards: shards(CorpusFolder(), count: count), sequenceCount: 1, length: length, seed: 5)
    var phases: Set<Int> = []
    for epoch in 0..<20 {
      let starts = (0..<source.windowsPerEpoch).map { index in
        Int(source.batch(index: epoch * source.windowsPerEpoch + index).inputs[0])
      }
      let sorted = starts.sorted()
      phases.insert(sorted[0])
      #expect(sorted == (0..<starts.count).map { sorted[0] + $0 * length })
      #expect(sorted[0] < length && sorted[starts.count - 1] + length < count)
      // Only what the phase cuts off is not seen.
      #expect(count - starts.count * length <= 2 * length)
    }
    #expect(phases.count > 1 || count - length == 1)
  }

  @Test(arguments: [BatchSource.Sampling.epochs, .random])
  func targetsFollowInputsAndBatchesAreFunctionsOfTheirNumber(
    sampling: BatchSource.Sampling
  ) throws {
    let tokens = try shards(CorpusFolder(), count: 5000, shardTokens: 99)
    func source(_ seed: UInt64) throws -> BatchSource {
      try BatchSource(
        shards: tokens, sequenceCount: 3, length: 8, seed: seed, sampling: sampling)
    }
    let first = try source(1)
    let batches = (0..<300).map { first.batch(index: $0) }
    for batch in batches {
      #expect(batch.targets == batch.inputs.map { $0 + 1 })
      #expect(batch.sequenceCount == 3 && batch.length == 8)
    }
    let second = try source(1)
    #expect([299, 7, 120].allSatisfy { second.batch(index: $0).inputs == batches[$0].inputs })
    #expect(try source(2).batch(index: 0).inputs != batches[0].inputs)
  }

  @Test func randomPositionsReachBothEnds() throws {
    let source = try BatchSource(
      shards: shards(CorpusFolder(), count: 20), sequenceCount: 200, length: 8, seed: 3,
      sampling: .random)
    let batch = source.batch(index: 0)
    let starts = Set(stride(from: 0, to: batch.inputs.count, by: 8).map { batch.inputs[$0] })
    #expect(starts == Set(0..<12))
  }

  @Test func aCorpusShorterThanAContextIsRefused() throws {
    let tokens = try shards(CorpusFolder(), count: 64)
    let text = errorLine {
      _ = try BatchSource(shards: tokens, sequenceCount: 1, length: 64, seed: 1)
    }
    #expect(text == "corpus: 64 tokens to train on, expected more than 64, the context length")
  }

  /// 111,540 characters in windows of 64: the 111,488 positions of the nanoGPT recipe.
  @Test func validationWindowsDoNotOverlap() throws {
    let tokens = try shards(
      CorpusFolder(), count: 111_540, bitWidth: 32)
    let batches = try ValidationBatches(shards: tokens, sequenceCount: 12, length: 64)
    #expect(batches.targetCount == 111_488 && batches.count == 146)
    let inputs = (0..<batches.count).flatMap { batches[$0].inputs }
    #expect(inputs == Array(0..<111_488))
    #expect(batches[145].sequenceCount == 2 && batches[145].targets.last == 111_488)
  }

  @Test func fewValidationBatchesAreSpreadEvenly() throws {
    let tokens = try shards(CorpusFolder(), count: 1001)
    let batches = try ValidationBatches(shards: tokens, sequenceCount: 2, length: 10, limit: 5)
    #expect(batches.count == 5 && batches.targetCount == 100)
    let starts = (0..<5).flatMap { index in
      [batches[index].inputs[0], batches[index].inputs[10]]
    }
    #expect(starts == (0..<10).map { $0 * 100 })
    let short = try ValidationBatches(
      shards: shards(CorpusFolder(), count: 9), sequenceCount: 4, length: 64)
    #expect(short.count == 1 && short[0].inputs == Array(0..<8))
  }
}
