import Glibc

/// A mean over items that are a sample of many.
public struct SampleMean: Sendable, Equatable {
  public let count: Int
  public let mean: Double
  /// Standard deviation of the sample (n − 1 in the denominator) / √n; not a number with fewer
  /// than two items. For a share of items it is √(p · (1 − p) / (n − 1)).
  ///
  /// - Source: lm-evaluation-harness, lm_eval/api/metrics.py, `mean_stderr`
  public let standardError: Double

  public init(of values: some Sequence<Double>) {
    // Welford 1962, Technometrics 4(3): one pass, without the cancellation of Σx² − (Σx)²/n.
    var count = 0
    // Exact where the items are 0 and 1.
    var sum = 0.0
    var mean = 0.0
    var squares = 0.0
    for value in values {
      count += 1
      sum += value
      let difference = value - mean
      mean += difference / Double(count)
      squares += difference * (value - mean)
    }
    self.count = count
    self.mean = count > 0 ? sum / Double(count) : .nan
    standardError =
      count > 1 ? (squares / Double(count - 1) / Double(count)).squareRoot() : .nan
  }
}
