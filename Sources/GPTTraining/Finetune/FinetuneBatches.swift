package import GPTModel

/// Examples in rows, in batches, each a function of the seed and its number.
///
/// Rows are as long as the longest of the batch, rounded up to a multiple of `lengthStep` within
/// the context. What is left of a row has targets of -1 and is a segment of its own.
package struct FinetuneBatches: Sendable {
  private static let lengthStep = 8

  private let examples: EncodedExamples
  private let layout: RowLayout
  private let contextLength: Int
  private let isPacked: Bool
  private let seed: UInt64
  /// Stands where nothing is left to say.
  private let padding: Int32

  /// Rows that show every example once; for preferences, pairs of rows.
  package var rowCount: Int { layout.count }

  init(
    _ examples: EncodedExamples, numbers: [Int], options: FinetuneDataOptions, padding: Int32
  ) {
    self.examples = examples
    contextLength = options.contextLength
    isPacked = options.packs && options.kind == .supervised
    seed = options.seed
    self.padding = padding
    layout = RowLayout(numbers, capacity: isPacked ? contextLength : nil) { number in
      examples.rowTokens(of: number)
    }
  }

  /// Batch `index` of endlessly many, from 0, in another order every epoch; rows are counted modulo
  /// 2^64.
  ///
  /// - Parameter sequenceCount: rows, at least 1; for preferences pairs, which are two rows each:
  ///   the better answer's, then the worse one's
  package func batch(_ index: Int, sequenceCount: Int) -> TokenBatch {
    let first = UInt64(truncatingIfNeeded: index) &* UInt64(sequenceCount)
    return makeBatch(
      (0..<UInt64(sequenceCount)).map { offset in
        let (epoch, number) = (first &+ offset).quotientAndRemainder(
          dividingBy: UInt64(rowCount))
        let key = MixedBits.mix(seed, epoch)
        let order = KeyedPermutation(count: rowCount, key: key)
        return layout.examples(of: order[Int(number)], epochKey: MixedBits.mix(key, 1))
      })
  }

  /// Batches of `fixedBatch`.
  ///
  /// - Parameter limit: at most so many, whose rows are spread evenly; nil shows every example once
  package func fixedBatchCount(sequenceCount: Int, limit: Int? = nil) -> Int {
    let rows = fixedRowCount(sequenceCount, limit)
    return rows / sequenceCount + (rows % sequenceCount == 0 ? 0 : 1)
  }

  /// The same every time; the last one may have fewer rows than the others.
  ///
  /// - Precondition: `index` lies below `fixedBatchCount`
  package func fixedBatch(_ index: Int, sequenceCount: Int, limit: Int? = nil) -> TokenBatch {
    let rows = fixedRowCount(sequenceCount, limit)
    let first = index * sequenceCount
    let count = min(sequenceCount, rows - first)
    return makeBatch(
      (first..<(first + count)).map { number in
        let spread = UInt64(number).multipliedFullWidth(by: UInt64(rowCount))
        let row = UInt64(rows).dividingFullWidth(spread).quotient
        return layout.examples(of: Int(row), epochKey: nil)
      })
  }

  private func fixedRowCount(_ sequenceCount: Int, _ limit: Int?) -> Int {
    guard let limit else { return rowCount }
    let (wanted, overflow) = max(1, limit).multipliedReportingOverflow(by: sequenceCount)
    return overflow ? rowCount : min(rowCount, wanted)
  }

  /// - Parameter rows: the examples of each
  private func makeBatch(_ rows: [[Int]]) -> TokenBatch {
    let sequences: [[Int]] =
      examples.sequencesPerExample == 1
      ? rows : rows.flatMap { row in row.flatMap(examples.sequences(of:)).map { [$0] } }
    let longest = sequences.map { $0.reduce(0) { $0 + examples.rowLength($1) } }.max() ?? 0
    let step = Self.lengthStep
    let length = min(contextLength, (longest + step - 1) / step * step)
    let count = sequences.count * length
    var inputs = [Int32](repeating: padding, count: count)
    var targets = [Int32](repeating: -1, count: count)
    var starts = [Int32](repeating: 0, count: isPacked ? count : 0)
    for (row, members) in sequences.enumerated() {
      var position = 0
      func mark(_ end: Int) {
        guard isPacked else { return }
        for index in position..<end { starts[row * length + index] = Int32(position) }
      }
      for sequence in members {
        let base = row * length + position
        examples.forEachInput(of: sequence) { index, input, target in
          inputs[base + index] = input
          targets[base + index] = target
        }
        mark(position + examples.rowLength(sequence))
        position += examples.rowLength(sequence)
      }
      mark(length)
    }
    return TokenBatch(
      sequenceCount: sequences.count, length: length, inputs: inputs, targets: targets,
      segmentStarts: isPacked ? starts : nil)
  }
}
