internal import GPTTensor

/// The tokens of all examples, one after another.
///
/// A token that carries no loss is stored as its complement, which is negative: four bytes a token.
struct EncodedExamples: Sendable {
  /// More do not fit into a small machine's memory; `gpt pretrain` reads its corpus from the disk.
  static let tokenLimit = 1 << 28

  /// 2 for preferences: an example is its better answer's sequence and then the worse one's.
  let sequencesPerExample: Int
  private var tokens: [Int32] = []
  private var starts = [0]
  /// For every example, what tells equal ones: windows of one record share it.
  private(set) var hashes: [DocumentSpool.TextHash] = []

  init(sequencesPerExample: Int) { self.sequencesPerExample = sequencesPerExample }

  var count: Int { hashes.count }
  var tokenCount: Int { tokens.count }

  /// - Precondition: `sequences` are as many as an example has, none of them empty
  mutating func append(_ sequences: [EncodedSequence], hash: DocumentSpool.TextHash) {
    precondition(sequences.count == sequencesPerExample, "\(sequences.count) sequences")
    for sequence in sequences {
      for (token, isTrained) in zip(sequence.tokens, sequence.isTrained) {
        tokens.append(isTrained ? token : ~token)
      }
      starts.append(tokens.count)
    }
    hashes.append(hash)
  }

  /// Inputs that a sequence takes in a row.
  func rowLength(_ sequence: Int) -> Int { starts[sequence + 1] - starts[sequence] - 1 }

  func sequences(of example: Int) -> Range<Int> {
    example * sequencesPerExample..<(example + 1) * sequencesPerExample
  }

  /// Inputs of all sequences of an example together.
  func rowTokens(of example: Int) -> Int {
    sequences(of: example).reduce(0) { $0 + rowLength($1) }
  }

  /// Targets of an example that carry loss.
  func trainedCount(of example: Int) -> Int {
    sequences(of: example).reduce(0) { count, sequence in
      count + tokens[(starts[sequence] + 1)..<starts[sequence + 1]].count { $0 >= 0 }
    }
  }

  /// Calls `body` with every input, counted within the sequence, and its target: -1 for none.
  @inline(__always)
  func forEachInput(of sequence: Int, _ body: (Int, Int32, Int32) -> Void) {
    let start = starts[sequence]
    for position in 0..<rowLength(sequence) {
      let input = tokens[start + position]
      body(position, input >= 0 ? input : ~input, max(-1, tokens[start + position + 1]))
    }
  }

  /// Takes an example into a digest, its lengths first.
  func update(_ digest: inout SHA256, with example: Int) {
    let range = sequences(of: example)
    let lengths = range.map { UInt64(rowLength($0)).littleEndian }
    lengths.withUnsafeBytes { digest.update($0) }
    let stored = tokens[starts[range.lowerBound]..<starts[range.upperBound]]
    stored.map(\.littleEndian).withUnsafeBytes { digest.update($0) }
  }
}
