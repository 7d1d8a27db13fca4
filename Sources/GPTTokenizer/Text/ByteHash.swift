/// Hashes for tables of this process, under a seed of their own: a vocabulary cannot be made to
/// collide.
///
/// - Source: the mixing step of wyhash, https://github.com/wangyi-fudan/wyhash
struct ByteHash: Sendable {
  private let seed = UInt64.random(in: .min ... .max)

  @inline(__always)
  private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (high, low) = left.multipliedFullWidth(by: right)
    return high ^ low
  }

  @inline(__always)
  func callAsFunction(_ value: UInt64) -> Int {
    Int(truncatingIfNeeded: Self.mix(value ^ seed, 0xa076_1d64_78bd_642f))
  }

  @inline(__always)
  func callAsFunction(_ bytes: UnsafeRawBufferPointer) -> Int {
    // Texts of different lengths may hold the same last word: the length changes all bits.
    var state = seed ^ UInt64(truncatingIfNeeded: bytes.count) &* 0x8ebc_6af0_9c88_c6e3
    var position = 0
    while bytes.count - position >= 8 {
      let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      state = Self.mix(word ^ state, 0xe703_7ed1_a0b4_28db)
      position += 8
    }
    var word: UInt64 = 0
    let rest = bytes.count - position
    if rest >= 4 {
      // Two words that overlap hold four to seven bytes.
      let last = bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self)
      let first = bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
      word = UInt64(first) << 32 | UInt64(last)
    } else if rest > 0 {
      word =
        UInt64(bytes[position]) << 16 | UInt64(bytes[position + rest / 2]) << 8
        | UInt64(bytes[bytes.count - 1])
    }
    return Int(truncatingIfNeeded: Self.mix(word ^ state, 0xa076_1d64_78bd_642f))
  }

  /// Slots for `count` entries: a power of two, at most half of them taken.
  static func slotCount(for count: Int) -> Int {
    var slots = 16
    while slots < 2 * count { slots *= 2 }
    return slots
  }
}
