/// A token that was computed before it was chosen.
package struct ProposedToken: Sendable {
  package let id: Int32
  /// What it was drawn from; nil when it is a guess that no chance was part of.
  package let source: TokenChoice?

  package init(id: Int32, source: TokenChoice? = nil) {
    self.id = id
    self.source = source
  }
}

extension Sampler {
  /// Chooses the next token so that its distribution is that of `next(_:history:)`, and so that it
  /// is `proposal` as often as can be.
  ///
  /// A token x drawn from q is taken with probability min(1, p(x) / q(x)), else another is drawn
  /// from max(0, p − q), scaled to a sum of 1. For a guess, q is 1 at x, and the same comes from
  /// drawing from p and looking whether it is x: then equal seeds give the tokens that they give
  /// without proposals.
  ///
  /// - Source: Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318
  package mutating func next(
    _ logits: [Float], history: [Int32], proposal: ProposedToken?
  ) throws(LanguageModelError) -> Int32 {
    let choice = try choice(logits, history: history)
    guard let proposal, case .among(let target) = choice, case .among(let source) = proposal.source
    else { return draw(from: choice) }
    let point = unit() * source.probability(of: proposal.id)
    if point < target.probability(of: proposal.id) { return proposal.id }
    return target.drawExcess(over: source, at: unit())
  }
}

extension Candidates {
  fileprivate func probability(of id: Int32) -> Double {
    guard let index = list.firstIndex(where: { $0.id == id }) else { return 0 }
    return probabilities[index]
  }

  /// The candidate that `point` of [0, 1) falls on when they lie side by side, as wide as each is
  /// more probable here than in `other`.
  fileprivate func drawExcess(over other: Candidates, at point: Double) -> Int32 {
    let others = Dictionary(
      zip(other.list.map(\.id), other.probabilities), uniquingKeysWith: { first, _ in first })
    let excess = zip(list, probabilities).map { max(0, $1 - others[$0.id, default: 0]) }
    // Rounding may leave nothing where the distributions are equal.
    guard case let sum = excess.reduce(0, +), sum > 0 else { return draw(point) }
    return draw(point * sum, widths: excess)
  }
}
