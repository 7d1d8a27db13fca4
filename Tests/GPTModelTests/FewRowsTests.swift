import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

/// What speculation stands on: up to eight tokens in a pass have the bits that each has alone.
@Suite struct FewRowsTests {
  private func ids(_ count: Int, seed: Int = 0) -> [Int32] {
    (0..<count).map { Int32(($0 * 37 + seed * 11) % 131) }
  }

  private func expectEqualRows(
    _ transformer: Transformer, after before: Int, count: Int, _ label: String
  ) throws {
    let cache = transformer.makeCache()
    _ = try transformer.forward(ids(before), cache: cache, logits: .none)
    let other = cache.fork()
    let new = ids(count, seed: 3)
    let together = try transformer.forward(new, cache: cache, logits: .all)
    let alone = try new.flatMap { try transformer.forward([$0], cache: other, logits: .last) }
    #expect(together == alone, "\(label) after \(before): \(largestDifference(together, alone))")
  }

  /// 60 and 61 lie before a page of the cache ends, 5 inside a sliding window, 100 behind it.
  @Test(arguments: ["gpt2", "llama", "mistral", "qwen2"], Precision.allCases)
  func rowsOfUpToEightEqualEachAlone(name: String, precision: Precision) throws {
    let model = try GoldenModel.folder(name).open(precision: precision, threads: 2)
    for before in [0, 5, 60, 61, 100] {
      for count in [2, 3, 8] {
        try expectEqualRows(
          model.transformer, after: before, count: count, "\(name) \(precision)")
      }
    }
  }

  @Test(arguments: [DType.q8_0, .q4_0, .q4K], Precision.allCases)
  func quantisedRowsOfUpToEightEqualEachAlone(type: DType, precision: Precision) throws {
    try withTemporaryFolder { scratch in
      let file = scratch + "/m.gguf"
      try SourceModel.open(path: GoldenModel.shipped).write(gguf: file, type: type)
      let model = try GoldenModel(name: "austen", path: file).open(precision: precision)
      for count in [2, 5, 8] {
        try expectEqualRows(model.transformer, after: 62, count: count, "\(type) \(precision)")
      }
    }
  }

  @Test(arguments: [DType.q8_0, .q4_0])
  func rowsInLittleMemoryEqualEachAlone(type: DType) throws {
    try withTemporaryFolder { scratch in
      let file = scratch + "/m.gguf"
      try SourceModel.open(path: GoldenModel.shipped).write(gguf: file, type: type)
      var options = ModelOptions()
      options.lowMemory = true
      let model = try OpenedModel.open(path: file, options: options)
      for count in [2, 5, 8] {
        try expectEqualRows(model.transformer, after: 62, count: count, "\(type)")
      }
    }
  }

  @Test(arguments: KernelLevel.available)
  func rowsEqualEachAloneOnEveryLevel(level: KernelLevel) throws {
    let model = try GoldenModel(name: "austen", path: GoldenModel.shipped).open(
      precision: .automatic, level: level)
    try expectEqualRows(model.transformer, after: 62, count: 8, level.rawValue)
  }

  @Test func rowsEqualEachAloneUnderAnAdapter() throws {
    var options = ModelOptions()
    options.threadCount = 1
    options.adapters = [("\(GoldenModel.fixtures)/../adapters/llama-all", 1)]
    let model = try OpenedModel.open(path: GoldenModel.folder("llama").path, options: options)
    try expectEqualRows(model.transformer, after: 62, count: 8, "adapter")
  }
}
