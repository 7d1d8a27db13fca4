/// How often items of each class were taken for each class.
public struct ConfusionTable: Sendable, Equatable {
  public let labels: [String]
  /// `counts[true class][predicted class]`
  public private(set) var counts: [[Int]]

  public init(labels: [String]) {
    self.labels = labels
    counts = labels.map { _ in labels.map { _ in 0 } }
  }

  /// - Parameters: classes as places in `labels`
  public mutating func add(expected: Int, predicted: Int) { counts[expected][predicted] += 1 }

  /// Items of a class.
  public func support(_ label: Int) -> Int { counts[label].reduce(0, +) }

  /// Of the items taken for this class, the share that is of it; nil when there are none.
  public func precision(_ label: Int) -> Double? {
    ratio(counts[label][label], counts.reduce(0) { $0 + $1[label] })
  }

  /// Of the items of this class, the share taken for it; nil when there are none.
  public func recall(_ label: Int) -> Double? { ratio(counts[label][label], support(label)) }

  /// 2 · precision · recall / (precision + recall); nil when the class occurs on neither side.
  public func f1(_ label: Int) -> Double? {
    ratio(2 * counts[label][label], support(label) + counts.reduce(0) { $0 + $1[label] })
  }

  private func ratio(_ part: Int, _ whole: Int) -> Double? {
    whole > 0 ? Double(part) / Double(whole) : nil
  }
}
