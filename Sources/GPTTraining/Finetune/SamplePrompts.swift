internal import GPTModel

extension FinetuneBatches {
  /// What stands before the answers of some examples; of texts, which have no answers, their
  /// beginnings.
  package func prompts(atMost limit: Int) -> [[Int32]] {
    var result: [[Int32]] = []
    let rows = fixedBatchCount(sequenceCount: 1, limit: limit)
    for index in 0..<rows {
      let batch = fixedBatch(index, sequenceCount: 1, limit: limit)
      // Of preferences the first row is the better answer's, with the prompt that both have.
      for segment in Self.segments(ofFirstRow: batch) where result.count < limit {
        guard let first = segment.firstIndex(where: { batch.targets[$0] >= 0 }) else { continue }
        // A text is learned from its second token on.
        let end = first == segment.lowerBound ? first + Self.textPromptLength : first + 1
        result.append(Array(batch.inputs[segment.clamped(to: segment.lowerBound..<end)]))
      }
    }
    return result
  }

  private static var textPromptLength: Int { 16 }

  private static func segments(ofFirstRow batch: TokenBatch) -> [Range<Int>] {
    let row = 0..<batch.length
    guard let starts = batch.segmentStarts else { return [row] }
    let bounds = row.filter { Int(starts[$0]) == $0 } + [batch.length]
    return zip(bounds, bounds.dropFirst()).map { $0..<$1 }
  }
}
