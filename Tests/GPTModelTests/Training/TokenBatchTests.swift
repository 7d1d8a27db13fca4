import GPTModel
import Testing

/// Batches taken in parts.
@Suite struct TokenBatchTests {
  @Test(arguments: [1, 2, 3, 4, 5, 9])
  func partsAreTheSequencesInOrder(count: Int) {
    let batch = TokenBatch(
      sequenceCount: 5, length: 3, inputs: Array(0..<15), targets: (0..<15).map { $0 - 4 },
      segmentStarts: (0..<15).map { $0 % 3 == 2 ? 2 : 0 })
    let parts = batch.parts(sequenceCount: count)
    #expect(parts.allSatisfy { $0.length == 3 && $0.sequenceCount <= count })
    #expect(parts.dropLast().allSatisfy { $0.sequenceCount == count })
    #expect(parts.flatMap(\.inputs) == batch.inputs)
    #expect(parts.flatMap(\.targets) == batch.targets)
    #expect(parts.flatMap { $0.segmentStarts ?? [] } == batch.segmentStarts)
  }

  @Test func partsWithoutSegmentsHaveNone() {
    let batch = TokenBatch(sequenceCount: 2, length: 1, inputs: [1, 2], targets: [2, 3])
    #expect(batch.parts(sequenceCount: 1).allSatisfy { $0.segmentStarts == nil })
  }
}
