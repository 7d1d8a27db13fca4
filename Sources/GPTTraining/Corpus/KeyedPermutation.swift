/// A permutation of `0..<count` that needs no memory: a balanced Feistel network over the next
/// power of four, walked until it comes back into range.
///
/// - Source: Luby & Rackoff 1988 (four rounds suffice); Black & Rogaway 2002, *Ciphers with
///   arbitrary finite domains*, method 2 (cycle walking)
package struct KeyedPermutation {
  private static let roundCount: UInt64 = 4

  private let count: UInt64
  private let key: UInt64
  /// Bits of half a block.
  private let halfBits: UInt64

  package init(count: Int, key: UInt64) {
    self.count = UInt64(count)
    self.key = key
    let bits = UInt64(64 - (UInt64(max(count, 2)) - 1).leadingZeroBitCount)
    halfBits = (bits + 1) / 2
  }

  /// - Precondition: `index` lies in `0..<count`
  package subscript(index: Int) -> Int {
    var value = UInt64(index)
    // Fewer than four steps on average: at least a quarter of the blocks are in range.
    repeat { value = block(value) } while value >= count
    return Int(value)
  }

  private func block(_ value: UInt64) -> UInt64 {
    let mask = (1 << halfBits) - 1 as UInt64
    var (left, right) = (value >> halfBits, value & mask)
    for round in 0..<Self.roundCount {
      (left, right) = (right, left ^ MixedBits.mix(key &+ round, right) & mask)
    }
    return left << halfBits | right
  }
}
