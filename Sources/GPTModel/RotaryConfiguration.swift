import Glibc

/// Rotary positions: base, rotated width and a published scaling for longer contexts.
package struct RotaryConfiguration: Sendable, Equatable {
  package enum Scaling: Sendable, Equatable {
    case none
    /// Positions divided by `factor` (Chen et al. 2023, arXiv:2306.15595).
    case linear(factor: Double)
    /// Long wavelengths divided by `factor`, short ones kept, smooth between (Llama 3.1).
    case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalContext: Double)
    /// NTK-by-parts with attention temperature (Peng et al. 2023, arXiv:2309.00071).
    case yarn(factor: Double, betaFast: Double, betaSlow: Double, originalContext: Double)
    /// A divisor for every frequency, as GGUF files store it (`rope_freqs.weight`).
    case divisors([Double])
  }

  package var base: Double
  /// Rotated elements of a head, even.
  package var width: Int
  package var scaling: Scaling

  package init(base: Double, width: Int, scaling: Scaling = .none) {
    self.base = base
    self.width = width
    self.scaling = scaling
  }

  /// Radians per position of each of the `width / 2` pairs: base^(−2 i / width), then scaled.
  package var frequencies: [Double] {
    let plain = (0..<width / 2).map { pow(base, -2 * Double($0) / Double(width)) }
    switch scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .divisors(let divisors): return zip(plain, divisors).map { $0 / $1 }
    case .llama3(let factor, let lowFactor, let highFactor, let original):
      return plain.map { frequency in
        let turns = original * frequency / (2 * Double.pi)
        if turns < lowFactor { return frequency / factor }
        if turns > highFactor { return frequency }
        let share = (turns - lowFactor) / (highFactor - lowFactor)
        return (1 - share) * frequency / factor + share * frequency
      }
    case .yarn(let factor, let betaFast, let betaSlow, let original):
      let low = max(0, correctionIndex(turns: betaFast, context: original).rounded(.down))
      let high = min(
        Double(width - 1), correctionIndex(turns: betaSlow, context: original).rounded(.up))
      return plain.enumerated().map { index, frequency in
        let span = max(high - low, 0.001)
        let ramp = min(1, max(0, (Double(index) - low) / span))
        return frequency / factor * ramp + frequency * (1 - ramp)
      }
    }
  }

  /// Factor on cosines and sines: YaRN's 0.1 · ln(factor) + 1, otherwise 1.
  package var magnitude: Double {
    if case .yarn(let factor, _, _, _) = scaling, factor > 1 { return 0.1 * log(factor) + 1 }
    return 1
  }

  /// The pair that makes `turns` full turns over `context` tokens (YaRN, equation 17).
  private func correctionIndex(turns: Double, context: Double) -> Double {
    Double(width) * log(context / (turns * 2 * Double.pi)) / (2 * log(base))
  }
}
