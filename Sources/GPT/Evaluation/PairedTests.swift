import Glibc

/// The difference of two models' scores on the same items.
///
/// Differences of the same items vary less than scores of different items do: this is how two
/// models are compared.
///
/// - Source: Miller 2024, *Adding Error Bars to Evals*, arXiv:2411.00640, section 4.2
public struct PairedDifference: Sendable, Equatable {
  /// Mean over items of first − second.
  public let difference: Double
  public let standardError: Double
  /// Probability of a difference at least this large if there were none (two-sided, normal
  /// approximation): erfc(|difference / standard error| / √2).
  public let pValue: Double

  /// - Parameter pairs: the scores of both models on each item
  public init(of pairs: some Sequence<(Double, Double)>) {
    let sample = SampleMean(of: pairs.lazy.map { $0.0 - $0.1 })
    difference = sample.mean
    standardError = sample.standardError
    if standardError == 0 {
      pValue = difference == 0 ? 1 : 0
    } else {
      pValue = erfc((difference / standardError).magnitude / 2.0.squareRoot())
    }
  }
}

/// McNemar's test of two models that are right or wrong on the same items, in its exact form.
///
/// Only the items on which one of them is right count. If neither model were better, each of them
/// would be the one with probability ½:
///
///     p = min(1, 2 · Σ over k ≤ min(b, c) of binomial(b + c, k) / 2^(b + c))
///
/// - Source: McNemar 1947, Psychometrika 12(2); for classifiers Dietterich 1998, Neural
///   Computation 10(7)
public struct McNemarTest: Sendable, Equatable {
  /// Items on which only the first model is right, b.
  public let onlyFirst: Int
  /// Items on which only the second model is right, c.
  public let onlySecond: Int

  public init(onlyFirst: Int, onlySecond: Int) {
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
  }

  /// - Parameter pairs: whether each model is right on each item
  public init(of pairs: some Sequence<(Bool, Bool)>) {
    var counts = (first: 0, second: 0)
    for pair in pairs {
      if pair.0 && !pair.1 { counts.first += 1 }
      if !pair.0 && pair.1 { counts.second += 1 }
    }
    self.init(onlyFirst: counts.first, onlySecond: counts.second)
  }

  public var pValue: Double {
    let total = Double(onlyFirst + onlySecond)
    let least = min(onlyFirst, onlySecond)
    // Terms shrink from the largest one on, which is the last.
    var term = exp(
      Self.logFactorial(total) - Self.logFactorial(Double(least))
        - Self.logFactorial(total - Double(least)) - total * log(2))
    var sum = 0.0
    for k in stride(from: least, through: 0, by: -1) {
      sum += term
      term *= Double(k) / (total - Double(k) + 1)
    }
    return min(1, 2 * sum)
  }

  private static func logFactorial(_ n: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(n + 1, &sign)
  }
}
