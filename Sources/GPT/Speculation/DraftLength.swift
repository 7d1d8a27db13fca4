/// How many tokens are worth guessing, from how often guesses were right.
///
/// A pass over the last token and k guesses costs as much as 1 + c · k passes over one token. With
/// a the share of guesses that are right it gives 1 + a + a² + … + aᵏ tokens; k is chosen for most
/// tokens per cost. Once nothing is worth guessing, one guess is tried now and then, ever more
/// seldom while it is wrong.
package struct DraftLength: Sendable {
  /// Most guesses in a pass: with the last token eight rows, which is as many as are computed as
  /// one row alone is, bit for bit (`smallRowCount` of GPTOps).
  package static let maximum = 7

  /// A row more in a pass of few, in passes of one row: an estimate, see docs/speculation.md.
  package static let rowCost = 0.2
  /// Weight of older guesses against one newer.
  private static let memory = 0.9
  private static let shortestPause = 16
  private static let longestPause = 256

  private let tokenCost: Double
  private var accepted: Double
  private var tried: Double
  private var pause = shortestPause
  private var waited = 0

  /// - Parameters:
  ///   - expected: share of guesses that are right, as long as nothing is known
  ///   - draftCost: what making a guess costs, in passes of one row
  package init(expected: Double, draftCost: Double = 0) {
    tokenCost = Self.rowCost + draftCost
    tried = 2
    accepted = expected * 2
  }

  /// Guesses to make now.
  package mutating func next(limit: Int) -> Int {
    let limit = min(limit, Self.maximum)
    guard limit > 0 else { return 0 }
    let best = best(limit: limit)
    if best > 0 { return best }
    waited += 1
    guard waited >= pause else { return 0 }
    waited = 0
    pause = min(2 * pause, Self.longestPause)
    return 1
  }

  package mutating func learn(accepted count: Int, of proposed: Int) {
    for index in 0..<min(proposed, count + 1) {
      tried = tried * Self.memory + 1
      accepted = accepted * Self.memory + (index < count ? 1 : 0)
    }
    if count > 0 { pause = Self.shortestPause }
  }

  private func best(limit: Int) -> Int {
    let share = accepted / tried
    var (best, bestRate) = (0, 1.0)
    var (tokens, power) = (1.0, 1.0)
    for count in 1...limit {
      power *= share
      tokens += power
      let rate = tokens / (1 + tokenCost * Double(count))
      if rate > bestRate { (best, bestRate) = (count, rate) }
    }
    return best
  }
}
