/// Hashes of numbers, for permutations and random positions that are functions of a seed.
enum MixedBits {
  /// A bijection of 64-bit numbers that spreads every bit over all others.
  ///
  /// - Source: the output function of SplitMix64, Steele, Lea & Flood 2014; constants of
  ///   https://prng.di.unimi.it/splitmix64.c
  @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  @inline(__always)
  static func mix(_ first: UInt64, _ second: UInt64) -> UInt64 { mix(mix(first) ^ second) }

  /// A number below `bound` from 64 random bits (Lemire 2019, arXiv:1805.10941, without rejection:
  /// the bias is below bound / 2^64).
  @inline(__always)
  static func below(_ bound: Int, _ bits: UInt64) -> Int {
    Int(bits.multipliedFullWidth(by: UInt64(bound)).high)
  }
}
