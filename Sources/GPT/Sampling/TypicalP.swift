import Glibc

extension Candidates {
  /// Keeps the candidates whose information −log p is nearest to its expectation, until their
  /// probabilities reach `mass` together; candidates as near as the last one stay too.
  ///
  /// - Source: Meister et al. 2022, arXiv:2202.00666; `TypicalLogitsWarper` of transformers
  package mutating func keepTypicalP(_ mass: Float) {
    guard mass < 1 else { return }
    let probabilities = probabilities
    let entropy = probabilities.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
    let distances = probabilities.map { abs(-log($0) - entropy) }
    let order = probabilities.indices.sorted {
      distances[$0] != distances[$1] ? distances[$0] < distances[$1] : $0 < $1
    }
    var sum = 0.0
    for index in order {
      sum += probabilities[index]
      guard sum >= Double(mass) else { continue }
      let kept = list.indices.filter { distances[$0] <= distances[index] }
      list = kept.map { list[$0] }
      return
    }
  }
}
