package import GPTModel
package import GPTTokenizer

/// The examples of a fine-tuning run, encoded and ready to be trained on.
package struct FinetuneData: Sendable {
  package let training: FinetuneBatches
  /// nil when nothing is set apart.
  package let validation: FinetuneBatches?
  package let summary: FinetuneSummary
  /// SHA-256 over the encoded examples of both sides, in 64 hexadecimal digits.
  package let hash: String

  /// Reads, checks and encodes a file.
  ///
  /// - Parameters:
  ///   - path: a file, `-` for standard input
  ///   - validationPath: a file of the same kinds, in place of a share of the first
  ///   - chatTemplate: how the model writes conversations; nil when it has no rule
  ///   - shouldStop: asked now and then; true makes this throw `.interrupted`
  /// - Throws: *file: line n: found, expected* for the first bad line, unless they are skipped
  package static func read(
    _ path: String, validationPath: String? = nil, options: FinetuneDataOptions,
    tokenizer: any Tokenizer, chatTemplate: ChatTemplate?,
    shouldStop: @escaping () -> Bool = { false }
  ) throws(TrainingError) -> FinetuneData {
    try options.check()
    throw .invalid(location: path, found: "a stub", expected: "the reader of examples")
  }

  /// Micro-batch `index` of endlessly many, a function of the seed and its number.
  ///
  /// - Parameter sequenceCount: rows; for preferences pairs, which are two rows each
  package func microBatch(_ index: Int, sequenceCount: Int) -> TokenBatch {
    training.batch(index, sequenceCount: sequenceCount)
  }

  /// What the trainer asks for.
  ///
  /// - Parameter validationLimit: validation batches at most, spread evenly; nil for all
  package func trainingData(
    sequenceCount: Int, validationLimit: Int? = nil
  ) -> TrainingData {
    let (training, validation) = (training, validation)
    return TrainingData(
      microBatch: { training.batch($0, sequenceCount: sequenceCount) },
      validationBatchCount: validation?.fixedBatchCount(
        sequenceCount: sequenceCount, limit: validationLimit) ?? 0,
      validationBatch: { index in
        (validation ?? training).fixedBatch(
          index, sequenceCount: sequenceCount, limit: validationLimit)
      })
  }
}
