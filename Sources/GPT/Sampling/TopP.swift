extension Candidates {
  /// Keeps the fewest best candidates whose probabilities reach `mass` together.
  ///
  /// - Source: Holtzman et al. 2019, arXiv:1904.09751
  package mutating func keepTopP(_ mass: Float) {
    guard mass < 1 else { return }
    var sum = 0.0
    for (index, probability) in probabilities.enumerated() {
      sum += probability
      if sum >= Double(mass) {
        keep(first: index + 1)
        return
      }
    }
  }
}
