extension FinetuneSummary.LengthBin {
  private static let binCount = 8

  /// Bins of about equal width up to `length`, and one for what is longer.
  static func bins(upTo length: Int) -> [Self] {
    let count = min(binCount, length)
    var bins: [Self] = []
    for index in 1...count {
      // As length · index / count, which could overflow.
      let maximum = length / count * index + length % count * index / count
      bins.append(Self(minimum: (bins.last?.maximum ?? -1) + 1, maximum: maximum, count: 0))
    }
    bins.append(Self(minimum: length + 1, maximum: nil, count: 0))
    return bins
  }
}

extension FinetuneSummary {
  /// Notes an example that would take `length` inputs of a row.
  mutating func count(length: Int) {
    longest = max(longest, length)
    if let index = lengths.firstIndex(where: { length <= $0.maximum ?? .max }) {
      lengths[index].count += 1
    }
  }
}
