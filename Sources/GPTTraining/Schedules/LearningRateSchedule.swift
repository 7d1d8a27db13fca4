import Glibc

/// The learning rate of every step: a linear warm-up, then a shape that goes down to a minimum.
///
///     it = step − 1,  η = peak,  η₀ = minimumRatio · peak
///     warm-up    η (it + 1) / (warmupSteps + 1)                       while it < warmupSteps
///     cosine     η₀ + ½ (1 + cos(π r)) (η − η₀)
///     linear     η₀ + (1 − r) (η − η₀)
///     constant   η
///     wsd        η until the last decayShare of the run, there linear down to η₀
///
/// r is the share done of the steps after the warm-up, at most 1.
///
/// - Source: cosine and warm-up as nanoGPT's `get_lr` (after Loshchilov & Hutter 2017,
///   arXiv:1608.03983); warmup-stable-decay: Hu et al. 2024, arXiv:2404.06395, section 4, whose f
///   is linear here
package struct LearningRateSchedule: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    case cosine, linear, constant, wsd
  }

  package var kind: Kind
  /// The largest rate.
  package var peak: Double
  /// The last rate over the largest.
  package var minimumRatio: Double
  package var warmupSteps: Int
  /// Steps of the run, warm-up included.
  package var totalSteps: Int
  /// Share of a wsd run that decays; a tenth is enough (Hu et al. 2024, section 4.3).
  package var decayShare: Double

  package init(
    kind: Kind = .cosine, peak: Double, minimumRatio: Double = 0.1, warmupSteps: Int,
    totalSteps: Int, decayShare: Double = 0.1
  ) {
    self.kind = kind
    self.peak = peak
    self.minimumRatio = minimumRatio
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
    self.decayShare = decayShare
  }

  /// The rate of a run whose number of steps is known. After `totalSteps` it stays at the minimum.
  ///
  /// - Parameter step: counts from 1.
  package func rate(step: Int) -> Double {
    let done = Double(step) - 1
    let total = Double(totalSteps)
    let warmup = Double(warmupSteps)
    let start = kind == .wsd ? max(warmup, total * (1 - decayShare)) : warmup
    return min(warmupRate(step: step), decayedRate(share(of: done, from: start, to: total)))
  }

  /// The rate of a run that ends by the clock: the warm-up still counts steps, which is what
  /// optimizers need it for; the shape follows the share of the time that has gone. Of the two
  /// rates the smaller holds, so that even a budget shorter than its warm-up ends low.
  ///
  /// - Parameters:
  ///   - step: counts from 1.
  ///   - fractionDone: `Budget.fractionDone` of the seconds that a resumed run carries on from.
  package func rate(step: Int, fractionDone: Double) -> Double {
    let start = kind == .wsd ? 1 - decayShare : 0
    return min(warmupRate(step: step), decayedRate(share(of: fractionDone, from: start, to: 1)))
  }

  private func warmupRate(step: Int) -> Double {
    step > warmupSteps ? peak : peak * Double(step) / (Double(warmupSteps) + 1)
  }

  /// How much of the way from `start` to `end` lies behind `position`, between 0 and 1.
  private func share(of position: Double, from start: Double, to end: Double) -> Double {
    guard position > start else { return 0 }
    guard position < end else { return 1 }
    return (position - start) / (end - start)
  }

  private func decayedRate(_ ratio: Double) -> Double {
    let minimum = peak * minimumRatio
    return switch kind {
    case .cosine: minimum + 0.5 * (1 + cos(.pi * ratio)) * (peak - minimum)
    case .linear, .wsd: minimum + (1 - ratio) * (peak - minimum)
    case .constant: peak
    }
  }

  /// - Throws: `TrainingError.invalid` for numbers that give no usable rate.
  package func validate() throws(TrainingError) {
    guard peak > 0, peak.isFinite else {
      throw .invalid(location: "learning rate", found: "\(peak)", expected: "above 0")
    }
    guard minimumRatio >= 0, minimumRatio <= 1 else {
      throw .invalid(
        location: "minimum learning rate ratio", found: "\(minimumRatio)", expected: "0 to 1")
    }
    guard warmupSteps >= 0 else {
      throw .invalid(location: "warm-up steps", found: "\(warmupSteps)", expected: "at least 0")
    }
    guard decayShare > 0, decayShare <= 1 else {
      throw .invalid(
        location: "decay share", found: "\(decayShare)", expected: "above 0 and at most 1")
    }
  }
}
