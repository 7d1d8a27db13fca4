import GPTTraining
import Testing

@Suite struct OneBatchTests {
  @Test(
    arguments: [SmallRun.Kind.adapter("gpt2"), .adapter("llama.gguf"), .lastBlock("llama")])
  func oneBatchIsLearnedByHeart(kind: SmallRun.Kind) throws {
    try withTemporaryFolder { folder in
      try SmallRun(kind: kind, steps: 120, repeatsOneBatch: true).run(in: folder)
      let records = try MetricsLog(path: "\(folder)/metrics.jsonl").records
      let first = try #require(records.first { $0.loss != nil }?.loss)
      let last = try #require(records.last?.loss)
      #expect(last < first / 4, "from \(first) to \(last)")
    }
  }
}
