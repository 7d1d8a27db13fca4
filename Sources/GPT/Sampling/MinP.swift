import Glibc

extension Candidates {
  /// Keeps the candidates at least `fraction` times as probable as the best one.
  ///
  /// - Source: Nguyen et al. 2024, arXiv:2407.01082
  package mutating func keepMinP(_ fraction: Float) {
    guard fraction > 0, let best = list.first?.logit else { return }
    let threshold = best + logf(fraction)
    keep(first: list.firstIndex { $0.logit < threshold } ?? list.count)
  }
}
