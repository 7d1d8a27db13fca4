package import GPTModel

/// The batches of a training run, each a function of the seed and its number.
///
/// An epoch is a permutation of the windows of `length` tokens that lie one after another from a
/// random phase on; so every epoch shows all tokens, cut in other places, and a run that goes on
/// at batch k gets what the uninterrupted one got, without any state.
package struct BatchSource: Sendable {
  package enum Sampling: String, Sendable, CaseIterable {
    case epochs
    /// Uniform positions with replacement, as nanoGPT's `get_batch` takes them.
    case random
  }

  private let shards: TokenShards
  private let sequenceCount: Int
  private let length: Int
  private let seed: UInt64
  private let sampling: Sampling
  /// Different phases of an epoch.
  private let phaseCount: Int
  package let windowsPerEpoch: Int

  package init(
    shards: TokenShards, sequenceCount: Int, length: Int, seed: UInt64,
    sampling: Sampling = .epochs
  ) throws(TrainingError) {
    guard sequenceCount > 0, length > 0 else {
      throw .invalid(
        location: "batch", found: "\(sequenceCount) sequences of \(length) tokens",
        expected: "at least 1 of each")
    }
    guard shards.count > length else {
      throw .invalid(
        location: "corpus", found: "\(shards.count) tokens to train on",
        expected: "more than \(length), the context length")
    }
    self.shards = shards
    self.sequenceCount = sequenceCount
    self.length = length
    self.seed = seed
    self.sampling = sampling
    phaseCount = min(length, shards.count - length)
    windowsPerEpoch = (shards.count - phaseCount) / length
  }

  /// Batch `index` of endlessly many, from 0; samples are counted modulo 2^64.
  package func batch(index: Int) -> TokenBatch {
    let first = UInt64(truncatingIfNeeded: index) &* UInt64(sequenceCount)
    return shards.batch(
      starts: (0..<sequenceCount).map { start(sample: first &+ UInt64($0)) }, length: length)
  }

  /// Where sample number `sample` begins.
  private func start(sample: UInt64) -> Int {
    switch sampling {
    case .random:
      return MixedBits.below(
        shards.count - length, MixedBits.mix(seed, sample))
    case .epochs:
      let (epoch, window) = sample.quotientAndRemainder(dividingBy: UInt64(windowsPerEpoch))
      let key = MixedBits.mix(seed, epoch)
      let phase = MixedBits.below(phaseCount, MixedBits.mix(key, 1))
      let order = KeyedPermutation(count: windowsPerEpoch, key: key)
      return phase + length * order[Int(window)]
    }
  }
}

/// The windows of a validation part that lie one after another, in batches, the same every time.
package struct ValidationBatches: Sendable {
  private let shards: TokenShards
  private let sequenceCount: Int
  private let length: Int
  private let windowCount: Int
  package let count: Int

  /// - Parameters:
  ///   - length: tokens of a window; a validation part that is shorter is one window
  ///   - limit: batches at most, spread evenly over the validation part; nil for all of it
  package init(
    shards: TokenShards, sequenceCount: Int, length: Int, limit: Int? = nil
  ) throws(TrainingError) {
    guard shards.count > 1, sequenceCount > 0, length > 0 else {
      throw .invalid(
        location: "corpus", found: "\(shards.count) tokens for validation",
        expected: "at least 2")
    }
    self.shards = shards
    self.sequenceCount = sequenceCount
    self.length = min(length, shards.count - 1)
    let whole = (shards.count - 1) / self.length
    let wanted = limit.map { max(1, $0).multipliedReportingOverflow(by: sequenceCount) }
    windowCount = wanted.map { $0.overflow ? whole : min(whole, $0.partialValue) } ?? whole
    count = (windowCount + sequenceCount - 1) / sequenceCount
  }

  /// Targets of all batches together.
  package var targetCount: Int { windowCount * length }

  /// The last batch may have fewer sequences than the others.
  package subscript(index: Int) -> TokenBatch {
    let whole = (shards.count - 1) / length
    let windows = (index * sequenceCount)..<min((index + 1) * sequenceCount, windowCount)
    return shards.batch(
      starts: windows.map { window in
        Int(UInt64(window).multipliedFullWidth(by: UInt64(whole)), dividedBy: windowCount) * length
      }, length: length)
  }
}

extension Int {
  fileprivate init(_ product: (high: UInt64, low: UInt64), dividedBy divisor: Int) {
    self = Int(UInt64(divisor).dividingFullWidth(product).quotient)
  }
}

extension TokenShards {
  /// Sequences of `length` tokens from `starts` on, with the tokens that follow each.
  fileprivate func batch(starts: [Int], length: Int) -> TokenBatch {
    func tokens(shiftedBy shift: Int) -> [Int32] {
      [Int32](unsafeUninitializedCapacity: starts.count * length) { buffer, count in
        guard let base = buffer.baseAddress else { return }
        for (row, start) in starts.enumerated() {
          copy((start + shift)..<(start + shift + length), into: base + row * length)
        }
        count = starts.count * length
      }
    }
    return TokenBatch(
      sequenceCount: starts.count, length: length, inputs: tokens(shiftedBy: 0),
      targets: tokens(shiftedBy: 1))
  }
}
