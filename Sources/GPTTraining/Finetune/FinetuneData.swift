package import GPTModel
internal import GPTTensor
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
    let encoder: RecordEncoder
    do {
      encoder = try RecordEncoder(
        tokenizer: tokenizer, template: chatTemplate,
        lossOn: options.kind == .preferences ? .completion : options.lossOn)
    } catch { throw .tokenizer(error) }
    var intake = ExampleIntake(options, encoder)
    try intake.read(path, shouldStop: shouldStop)
    let ownCount = intake.examples.count
    if let validationPath { try intake.read(validationPath, shouldStop: shouldStop) }
    let split: ExampleSplit
    if validationPath != nil {
      split = ExampleSplit(training: 0..<ownCount, validation: ownCount..<intake.examples.count)
    } else {
      split = try ExampleSplit(
        intake.examples.hashes, share: options.validationShare, seed: options.seed,
        location: path)
    }
    return FinetuneData(
      intake.examples, split, options: options, summary: intake.summary,
      padding: tokenizer.endOfSequence ?? 0)
  }

  private init(
    _ examples: EncodedExamples, _ split: ExampleSplit, options: FinetuneDataOptions,
    summary: FinetuneSummary, padding: Int32
  ) {
    training = FinetuneBatches(
      examples, numbers: split.training, options: options, padding: padding)
    validation =
      split.validation.isEmpty
      ? nil
      : FinetuneBatches(examples, numbers: split.validation, options: options, padding: padding)
    var digest = SHA256()
    var summary = summary
    summary.training = .init(examples, split.training, rows: training.rowCount)
    summary.validation = .init(examples, split.validation, rows: validation?.rowCount ?? 0)
    let trained = Set(split.training.map { examples.hashes[$0] })
    summary.leaked = split.validation.count { trained.contains(examples.hashes[$0]) }
    for numbers in [split.training, split.validation] {
      [UInt64(numbers.count).littleEndian].withUnsafeBytes { digest.update($0) }
      for number in numbers { examples.update(&digest, with: number) }
    }
    self.summary = summary
    hash = digest.finish().hexadecimal
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

extension FinetuneSummary.Side {
  fileprivate init(_ examples: EncodedExamples, _ numbers: [Int], rows: Int) {
    self.examples = numbers.count
    self.rows = rows
    for number in numbers {
      tokens += examples.rowTokens(of: number)
      trainedTokens += examples.trainedCount(of: number)
    }
  }
}
