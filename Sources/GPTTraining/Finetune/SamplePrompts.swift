internal import GPTModel

extension FinetuneBatches {
  /// What stands before the answers of some examples; of texts, which have no answers, their
  /// beginnings.
  package func prompts(atMost limit: Int) -> [[Int32]] {
    var result: [[Int32]] = []
    let count = fixedBatchCount(sequenceCount: 1, limit: limit)
    for index in 0..<count {
      // Of preferences the first row is the better answer's, with the prompt that both have.
      let row = fixedBatch(index, sequenceCount: 1, limit: limit)
      guard let first = row.targets.prefix(row.length).firstIndex(where: { $0 >= 0 }) else {
        continue
      }
      // A text is learned from its second token on.
      let end = first == 0 ? min(Self.textPromptLength, row.length) : first + 1
      result.append(Array(row.inputs[..<end]))
    }
    return result
  }

  private static var textPromptLength: Int { 16 }
}
