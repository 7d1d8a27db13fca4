import GPTModel
import GPTTraining
import Testing

@Suite struct MemoryEstimateTests {
  private func estimate(
    _ sequenceCount: Int, microBatchCount: Int = 2, optimizer: OptimizerOptions.Kind = .adamw,
    hasAverage: Bool = false,
    checkpointsActivations: Bool = false
  ) throws -> MemoryEstimate {
    let model = try ModelPreset.gpt2.shape().configuration(vocabularySize: 50_257)
    return MemoryEstimate(
      model, sequenceCount: sequenceCount, microBatchCount: microBatchCount, optimizer: optimizer,
      hasAverage: hasAverage, checkpointsActivations: checkpointsActivations)
  }

  @Test func gpt2ByHand() throws {
    let bytes = try estimate(4)
    #expect(bytes.parameterBytes == 16 * 124_439_808)
    let kept = 12 * (2 * 768 + 4 * 768 + 3072)
    let working = 4 * 768 + 3 * 3072
    #expect(bytes.activationBytes == Double(4 * 4096 * (kept + working)) + 256e6)
    #expect(bytes.batchBytes == 2 * 4096 * 8)
  }

  @Test func stepsOfOneBatchShareTheBlocksGradients() throws {
    let apart = try estimate(4).activationBytes
    let shared = try estimate(4, microBatchCount: 1).activationBytes
    // A block of GPT-2 has 7,087,872 parameters; 4,096 tokens leave more activations than that.
    #expect(apart - shared == 4 * 11 * 7_087_872)
  }

  @Test func everyOptionThatTheMessageNamesLowersIt() throws {
    let all = try estimate(16, hasAverage: true).totalBytes
    #expect(try estimate(8, hasAverage: true).totalBytes < all)
    #expect(try estimate(16, hasAverage: true, checkpointsActivations: true).totalBytes < all / 2)
    #expect(try estimate(16).totalBytes < all)
    #expect(try estimate(16, optimizer: .lion, hasAverage: true).totalBytes < all)
  }

  @Test func absurdBatchesDoNotOverflow() throws {
    #expect(try estimate(1 << 30).totalBytes > 1e15)
  }
}
