import GPTModel
import GPTTraining
import TestSupport
import Testing

@Suite struct FinetuneBatchTests {
  /// Examples of many lengths, some of them equal, as lines; the numbers tell them apart.
  private func lines(_ count: Int) -> String {
    var random = TestRandom(seed: 3)
    return (0..<count).map { number in
      let letters = String(repeating: "9", count: Int(random.next() % 23) + 1)
      return #"{"prompt": "\#(number):", "completion": "\#(letters)"}"#
    }.joined(separator: "\n")
  }

  private func data(
    _ count: Int, context: Int, packs: Bool, share: Double = 0, seed: UInt64 = 7
  ) throws -> (FinetuneFolder, FinetuneData) {
    let folder = try FinetuneFolder()
    folder.options = FinetuneDataOptions(contextLength: context, seed: seed)
    folder.options.packs = packs
    folder.options.validationShare = share
    return (folder, try folder.read("a.jsonl", lines(count)))
  }

  /// The examples of a batch as lists of tokens, taken apart where segments begin.
  private func examples(_ batch: TokenBatch) -> [[Int32]] {
    var result: [[Int32]] = []
    for row in 0..<batch.sequenceCount {
      let range = row * batch.length..<(row + 1) * batch.length
      let starts = batch.segmentStarts.map { Array($0[range]) }
      var bounds = Set(starts ?? [0])
      bounds.insert(Int32(batch.length))
      let ordered = bounds.sorted()
      for (start, end) in zip(ordered, ordered.dropFirst()) {
        let part = range.lowerBound + Int(start)..<range.lowerBound + Int(end)
        let shown = ShownRow(Array(batch.inputs[part]), Array(batch.targets[part]))
        if !shown.tokens.isEmpty { result.append(shown.tokens) }
      }
    }
    return result
  }

  @Test(arguments: [1, 2, 7, 200], [true, false])
  func everyEpochShowsEveryExampleOnce(count: Int, packs: Bool) throws {
    let (folder, data) = try data(count, context: 40, packs: packs)
    let rows = data.training.rowCount
    let epochs = (0..<3).map { epoch in
      (0..<rows).flatMap {
        examples(data.microBatch(epoch * rows + $0, sequenceCount: 1)).map(folder.text)
      }
    }
    let expected = Set(
      (0..<data.training.fixedBatchCount(sequenceCount: 4)).flatMap {
        examples(data.training.fixedBatch($0, sequenceCount: 4)).map(folder.text)
      })
    #expect(expected.count == count)
    for epoch in epochs {
      #expect(epoch.count == count && Set(epoch) == expected, "\(epoch.count) of \(count)")
    }
    if count > 100 { #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2]) }
  }

  @Test(arguments: [1, 3, 200])
  func packedSegmentsLieOneAfterAnother(count: Int) throws {
    let (_, data) = try data(count, context: 40, packs: true)
    for index in 0..<(2 * data.training.rowCount) {
      let batch = data.microBatch(index, sequenceCount: 2)
      let starts = try #require(batch.segmentStarts)
      #expect(batch.length <= 40 && starts.count == batch.inputs.count)
      for row in 0..<2 {
        for position in 0..<batch.length {
          let start = Int(starts[row * batch.length + position])
          let before = position == 0 ? -1 : Int(starts[row * batch.length + position - 1])
          // A segment goes on or begins here, so none overlaps another.
          #expect(start == position || start == before, "\(position): \(start) after \(before)")
        }
      }
    }
  }

  @Test func rowsArePackedTightly() throws {
    let (_, data) = try data(200, context: 40, packs: true)
    let side = data.summary.training
    #expect(side.examples == 200 && side.rows == data.training.rowCount)
    #expect(side.rows <= (side.tokens + 39) / 40 + 1, "\(side.tokens) tokens, \(side.rows) rows")
  }

  @Test(arguments: [true, false])
  func unpackedAndPackedLearnTheSame(packs: Bool) throws {
    let (_, packed) = try data(50, context: 40, packs: true)
    let (_, single) = try data(50, context: 40, packs: packs)
    func targets(_ data: FinetuneData) -> [Int32] {
      (0..<data.training.fixedBatchCount(sequenceCount: 3)).flatMap {
        data.training.fixedBatch($0, sequenceCount: 3).targets.filter { $0 >= 0 }
      }.sorted()
    }
    #expect(targets(packed) == targets(single))
    #expect(targets(packed).count == packed.summary.training.trainedTokens)
    #expect(packed.hash == single.hash)
  }

  @Test(arguments: [0, 5, 1_000_003, Int.max, .min, -1], [true, false])
  func batchesAreFunctionsOfTheirNumber(index: Int, packs: Bool) throws {
    let (_, first) = try data(60, context: 40, packs: packs)
    let (_, again) = try data(60, context: 40, packs: packs)
    let (_, other) = try data(60, context: 40, packs: packs, seed: 8)
    _ = again.microBatch(3, sequenceCount: 4)
    let batch = first.microBatch(index, sequenceCount: 4)
    #expect(batch == again.microBatch(index, sequenceCount: 4))
    #expect(batch.inputs != other.microBatch(index, sequenceCount: 4).inputs)
    #expect(first.hash == again.hash)
  }

  @Test func unpackedRowsArePaddedToTheLongest() throws {
    let folder = try FinetuneFolder()
    folder.options.packs = false
    let data = try folder.read(
      "a.jsonl",
      #"{"prompt": "1", "completion": "2"}"# + "\n"
        + #"{"prompt": "1", "completion": "23456789012345678"}"#)
    let batch = data.training.fixedBatch(0, sequenceCount: 2)
    #expect(batch.length == 24 && batch.segmentStarts == nil)
    #expect(batch.targets[2..<24].allSatisfy { $0 == -1 })
    #expect(batch.targetCount == 2 + 18)
  }

  @Test(arguments: [0.05, 0.1, 0.5])
  func aShareIsSetApartAndEqualExamplesStayTogether(share: Double) throws {
    let folder = try FinetuneFolder()
    folder.options.validationShare = share
    folder.options.packs = false
    let text = lines(100)
    let data = try folder.read("a.jsonl", "\(text)\n\(text)\n")
    let summary = data.summary
    #expect(summary.training.examples + summary.validation.examples == 200)
    #expect(summary.validation.examples == Int((200 * share).rounded()))
    let validation = try #require(data.validation)
    let apart = Set(
      (0..<validation.fixedBatchCount(sequenceCount: 8)).flatMap {
        examples(validation.fixedBatch($0, sequenceCount: 8))
      })
    let trained = Set(
      (0..<data.training.fixedBatchCount(sequenceCount: 8)).flatMap {
        examples(data.training.fixedBatch($0, sequenceCount: 8))
      })
    #expect(apart.isDisjoint(with: trained) && summary.leaked == 0)
    folder.options.seed = 8
    #expect(try folder.read("a.jsonl", "\(text)\n\(text)\n").hash != data.hash)
  }

  @Test func aValidationFileIsTheOtherSide() throws {
    let folder = try FinetuneFolder()
    folder.options.validationShare = 0.5
    let record = #"{"prompt": "1", "completion": "2"}"#
    let data = try folder.read(
      "a.jsonl", lines(9) + "\n\(record)", validation: "\(record)\n{\"text\": \"other words\"}")
    #expect(data.summary.training.examples == 10 && data.summary.validation.examples == 2)
    #expect(data.summary.leaked == 1)
    let found = errorLine { _ = try folder.read("a.jsonl", record, validation: "\n{}") }
    #expect(found.hasPrefix("\(folder.files.path)/validation.jsonl: line 2: "), "\(found)")
  }

  @Test func fewValidationBatchesAreSpreadEvenly() throws {
    let (_, data) = try data(100, context: 40, packs: false)
    let parts = data.trainingData(sequenceCount: 5, validationLimit: 4)
    #expect(parts.validationBatchCount == 0)
    #expect(data.training.fixedBatchCount(sequenceCount: 5, limit: 4) == 4)
    #expect(data.training.fixedBatchCount(sequenceCount: 5, limit: .max) == 20)
    #expect(data.training.fixedBatchCount(sequenceCount: 7) == 15)
    #expect(data.training.fixedBatch(14, sequenceCount: 7).sequenceCount == 2)
    let few = (0..<4).flatMap {
      examples(data.training.fixedBatch($0, sequenceCount: 5, limit: 4))
    }
    #expect(Set(few).count == 20)
  }

  @Test func lengthsAreCountedInBins() throws {
    let folder = try FinetuneFolder()
    folder.options.contextLength = 20
    let records = [1, 2, 3, 17, 18, 19, 20, 30].map { count in
      #"{"prompt": "1", "completion": "\#(String(repeating: "2", count: count - 1))5"}"#
    }
    let summary = try folder.read("a.jsonl", records.joined(separator: "\n")).summary
    #expect(summary.lengths.map(\.maximum) == [2, 5, 7, 10, 12, 15, 17, 20, nil])
    #expect(summary.lengths.map(\.minimum) == [0, 3, 6, 8, 11, 13, 16, 18, 21])
    #expect(summary.lengths.map(\.count) == [1, 2, 0, 0, 0, 0, 0, 3, 2])
    #expect(summary.longest == 31 && summary.truncated == 2 && summary.dropped == 0)
  }
}
