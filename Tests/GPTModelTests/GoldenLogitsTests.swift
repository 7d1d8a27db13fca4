import GPTModel
import GPTOps
import Testing

@Suite struct GoldenLogitsTests {
  @Test(arguments: GoldenModel.all)
  func prefillLogitsEqualTransformers(_ golden: GoldenModel) throws {
    let expected = try golden.expectation()
    for level in KernelLevel.available {
      let model = try golden.open(level: level)
      let logits = try model.transformer.forward(
        expected.ids, cache: model.transformer.makeCache(), logits: .all)
      let difference = largestDifference(logits, expected.logits) / expected.range
      #expect(difference <= 1e-4, "\(golden.testDescription) at \(level): \(difference) of range")
    }
  }

  @Test(arguments: GoldenModel.all)
  func logitsTokenByTokenEqualTransformers(_ golden: GoldenModel) throws {
    let expected = try golden.expectation()
    let model = try golden.open()
    let cache = model.transformer.makeCache()
    var logits: [Float] = []
    for id in expected.ids {
      logits += try model.transformer.forward([id], cache: cache, logits: .last)
    }
    let difference = largestDifference(logits, expected.logits) / expected.range
    #expect(difference <= 1e-4, "\(golden.testDescription): \(difference) of range")
  }

  @Test(arguments: GoldenModel.all)
  func greedyContinuationOf64TokensEqualsTransformers(_ golden: GoldenModel) throws {
    let expected = try golden.expectation()
    let model = try golden.open()
    let cache = model.transformer.makeCache()
    var logits = try model.transformer.forward(expected.ids, cache: cache, logits: .last)
    var greedy: [Int32] = []
    while greedy.count < expected.greedy.count {
      let next = Int32(logits.indices.max { logits[$0] < logits[$1] } ?? 0)
      greedy.append(next)
      logits = try model.transformer.forward([next], cache: cache, logits: .last)
    }
    #expect(greedy.count == 64)
    #expect(greedy == expected.greedy)
  }

  @Test(arguments: GoldenModel.all, [1, 7, 64, 512])
  func chunkedPrefillEqualsOnePass(_ golden: GoldenModel, chunk: Int) throws {
    let expected = try golden.expectation()
    let ids = expected.ids + expected.greedy.prefix(50)
    let model = try golden.open()
    let whole = try model.transformer.forward(
      ids, cache: model.transformer.makeCache(), logits: .all)
    let cache = model.transformer.makeCache()
    var pieces: [Float] = []
    for start in stride(from: 0, to: ids.count, by: chunk) {
      pieces += try model.transformer.forward(
        Array(ids[start..<min(start + chunk, ids.count)]), cache: cache, logits: .all)
    }
    let difference = largestDifference(whole, pieces) / expected.range
    #expect(difference <= 1e-5, "\(golden.testDescription): \(difference) of range")
  }

  @Test(arguments: GoldenModel.all, Precision.allCases)
  func logitsAreBitEqualForOneAndTwoThreads(_ golden: GoldenModel, precision: Precision) throws {
    let ids = try golden.expectation().ids
    let results = try [1, 2].map { threads in
      let model = try golden.open(precision: precision, threads: threads)
      let cache = model.transformer.makeCache()
      let prefill = try model.transformer.forward(ids, cache: cache, logits: .all)
      return prefill + (try model.transformer.forward([1], cache: cache, logits: .last))
    }
    #expect(results[0].map(\.bitPattern) == results[1].map(\.bitPattern))
  }

  @Test(arguments: GoldenModel.all)
  func bf16LogitsStayNearFp32(_ golden: GoldenModel) throws {
    let expected = try golden.expectation()
    let model = try golden.open(precision: .bf16)
    let logits = try model.transformer.forward(
      expected.ids, cache: model.transformer.makeCache(), logits: .all)
    let difference = largestDifference(logits, expected.logits) / expected.range
    #expect(difference <= 0.02, "\(golden.testDescription): \(difference) of range")
  }
}
