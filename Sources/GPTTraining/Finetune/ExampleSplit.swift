/// Sets examples apart for validation.
///
/// Groups of examples with one hash go in the order of their hashes mixed with the seed, so equal
/// examples never come to both sides, until the share is reached; a group is left to train on.
struct ExampleSplit {
  private(set) var training: [Int] = []
  private(set) var validation: [Int] = []

  /// Examples of two files.
  init(training: Range<Int>, validation: Range<Int>) {
    self.training = Array(training)
    self.validation = Array(validation)
  }

  /// - Parameters:
  ///   - hashes: what tells equal examples, one for each
  ///   - location: the file, for the error when there is nothing to set apart
  init(
    _ hashes: [DocumentSpool.TextHash], share: Double, seed: UInt64, location: String
  ) throws(TrainingError) {
    guard share > 0 else {
      training = Array(hashes.indices)
      return
    }
    var sizes: [DocumentSpool.TextHash: Int] = [:]
    for hash in hashes { sizes[hash, default: 0] += 1 }
    guard sizes.count > 1 else {
      throw .invalid(
        location: location, found: "1 different example",
        expected: "at least 2 to set some apart for validation, or a validation file")
    }
    let order = sizes.keys.sorted { Self.key($0, seed) < Self.key($1, seed) }
    let wanted = max(1, Double(hashes.count) * share)
    var chosen: Set<DocumentSpool.TextHash> = []
    var count = 0
    for hash in order.dropLast() where Double(count) + 0.5 <= wanted {
      chosen.insert(hash)
      count += sizes[hash] ?? 0
    }
    for (index, hash) in hashes.enumerated() {
      if chosen.contains(hash) { validation.append(index) } else { training.append(index) }
    }
  }

  private static func key(
    _ hash: DocumentSpool.TextHash, _ seed: UInt64
  ) -> (UInt64, UInt64, UInt64) {
    (MixedBits.mix(seed, hash.high), hash.high, hash.low)
  }
}
