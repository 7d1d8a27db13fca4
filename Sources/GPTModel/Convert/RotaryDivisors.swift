import Glibc

extension RotaryConfiguration {
  /// What each frequency is divided by: the form in which GGUF files store Llama 3's scaling.
  var divisors: [Double] {
    var plain = self
    plain.scaling = .none
    return zip(plain.frequencies, frequencies).map { $0 / $1 }
  }

  /// Llama 3's scaling that makes these divisors; nil when none of the published kind does.
  ///
  /// The low and high factors are 1 and 4, as in all published models; the factor is the largest
  /// divisor, and the original context follows from any frequency between the two bounds.
  static func llama3(divisors: [Double], of rotary: RotaryConfiguration) -> Scaling? {
    var plain = rotary
    plain.scaling = .none
    guard let factor = divisors.max(), factor > 1 else { return nil }
    for (frequency, divisor) in zip(plain.frequencies, divisors)
    where divisor > 1.0001 && divisor < factor * 0.9999 {
      // 1 / divisor = (1 − share) / factor + share, share = (turns − 1) / (4 − 1)
      let share = (1 / divisor - 1 / factor) / (1 - 1 / factor)
      let turns = 1 + 3 * share
      let scaling = Scaling.llama3(
        factor: factor.rounded(), lowFactor: 1, highFactor: 4,
        originalContext: (turns * 2 * Double.pi / frequency).rounded())
      plain.scaling = scaling
      let same = zip(plain.divisors, divisors).allSatisfy { abs($0 - $1) <= 1e-5 * $1 }
      return same ? scaling : nil
    }
    return nil
  }
}
