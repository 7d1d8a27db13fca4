import GPTModel
import GPTOps
import Testing

@Suite struct GoldenAdapterTests {
  @Test(arguments: GoldenAdapter.all)
  func logitsEqualThoseOfPEFT(_ golden: GoldenAdapter) throws {
    let expected = try golden.expectation()
    let model = try golden.open()
    let logits = try model.transformer.forward(
      expected.ids, cache: model.transformer.makeCache(), logits: .all)
    let difference = largestDifference(logits, expected.logits) / expected.range
    #expect(difference <= 1e-4, "\(golden): \(difference) of range")
    #expect(expected.change >= 0.05, "an adapter that changes nothing proves nothing")
  }

  @Test(arguments: GoldenAdapter.all)
  func logitsTokenByTokenEqualThoseOfPEFT(_ golden: GoldenAdapter) throws {
    let expected = try golden.expectation()
    let model = try golden.open()
    let cache = model.transformer.makeCache()
    var logits: [Float] = []
    for id in expected.ids {
      logits += try model.transformer.forward([id], cache: cache, logits: .last)
    }
    let difference = largestDifference(logits, expected.logits) / expected.range
    #expect(difference <= 1e-4, "\(golden): \(difference) of range")
  }

  @Test(arguments: GoldenAdapter.all, Precision.allCases)
  func logitsAreBitEqualForOneAndTwoThreads(_ golden: GoldenAdapter, precision: Precision) throws {
    let expected = try golden.expectation()
    let results = try [1, 2].map { threads in
      let model = try golden.open(precision: precision, threads: threads)
      return try model.transformer.forward(
        expected.ids, cache: model.transformer.makeCache(), logits: .all)
    }
    #expect(results[0].map(\.bitPattern) == results[1].map(\.bitPattern))
    let difference = largestDifference(results[0], expected.logits) / expected.range
    #expect(difference <= 0.03, "\(golden): \(difference) of range")
  }

  @Test func anAdapterOfScaleZeroChangesNothing() throws {
    let expected = try GoldenAdapter(name: "llama-all").expectation()
    let path = GoldenModel.folder("llama").path
    let models = try [[], [(path: GoldenAdapter.folder("llama-all"), scale: Float(0))]]
      .map { try openModel(path, adapters: $0) }
    let logits = try models.map { model in
      try model.transformer.forward(
        expected.ids, cache: model.transformer.makeCache(), logits: .all)
    }
    #expect(logits[0] == logits[1])
  }
}
