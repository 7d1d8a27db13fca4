/// Finds documents that are nearly the same as an earlier one.
///
/// A document is the set of its shingles: runs of `shingleWords` words, of which only letters and
/// digits count and ASCII letters are lower-case. The share of equal values in two documents' 64
/// minimum hashes estimates the Jaccard similarity of their sets. Documents that agree in all rows
/// of one of 16 bands of 4 rows are compared, which finds a pair of similarity s with probability
/// 1 - (1 - s^4)^16: 0.9998 at 0.8, 0.18 at 0.33; pairs that are estimated at 0.8 or more are
/// duplicates.
///
/// Memory: 128 bytes of signature and 16 table slots of 4 bytes (at most twice that) a document,
/// so about a quarter of a gigabyte for a million. Documents of fewer words than a shingle are not
/// compared.
///
/// - Source: Broder 1997, *On the resemblance and containment of documents*; Leskovec, Rajaraman &
///   Ullman, *Mining of Massive Datasets*, §3.3 and §3.4; 16 bits of each minimum are kept: Li &
///   König 2010, *b-bit minwise hashing*
package struct NearDuplicates {
  static let shingleWords = 5
  static let hashCount = 64
  static let bandCount = 16
  static let rowCount = 4
  /// Of 64 equal values, estimated similarity 0.8.
  static let duplicateMatches = 52
  /// Entries of a band that are compared with one document; more agree only in texts of one mould.
  private static let candidateLimit = 32

  typealias Signature = SIMD64<UInt16>

  package init() {}

  private var signatures: [Signature] = []
  private var bands: [BandTable] = Array(repeating: BandTable(), count: bandCount)

  /// True when `text` is nearly an earlier one; otherwise it is entered.
  package mutating func isDuplicate(_ text: [UInt8]) -> Bool {
    guard let signature = Self.signature(of: text) else { return false }
    for band in 0..<Self.bandCount {
      let key = Self.key(signature, band)
      let found = bands[band].contains(key, limit: Self.candidateLimit) { [signatures] entry in
        let other = signatures[entry]
        return Self.key(other, band) == key
          && Self.matches(signature, other) >= Self.duplicateMatches
      }
      if found { return true }
    }
    // Slots hold 32-bit numbers; a corpus of as many documents does not fit in memory anyway.
    guard signatures.count < Int(UInt32.max) - 1 else { return false }
    signatures.append(signature)
    for band in 0..<Self.bandCount {
      bands[band].insert(Self.key(signature, band), entry: signatures.count - 1) {
        [signatures] in Self.key(signatures[$0], band)
      }
    }
    return false
  }

  private static func matches(_ left: Signature, _ right: Signature) -> Int {
    let equal = left .== right
    return Int(Signature(repeating: 0).replacing(with: 1, where: equal).wrappedSum())
  }

  /// The rows of a band as one number.
  private static func key(_ signature: Signature, _ band: Int) -> UInt64 {
    (0..<rowCount).reduce(0) { $0 << 16 | UInt64(signature[band * rowCount + $1]) }
  }

  /// The minimum hashes, 16 bits of each; nil when the text has no shingle.
  static func signature(of text: [UInt8]) -> Signature? {
    var minima = [UInt32](repeating: .max, count: hashCount)
    var words = [UInt64](repeating: 0, count: shingleWords)
    var count = 0
    minima.withUnsafeMutableBufferPointer { minima in
      forEachWord(in: text) { hash in
        words[count % shingleWords] = hash
        count += 1
        guard count >= shingleWords else { return }
        var shingle: UInt64 = 0
        for index in 0..<shingleWords {
          shingle = MixedBits.mix(shingle ^ words[(count + index) % shingleWords])
        }
        lower(minima, by: UInt32(truncatingIfNeeded: shingle))
      }
    }
    guard count >= shingleWords else { return nil }
    var signature = Signature()
    for (index, minimum) in minima.enumerated() {
      // The high bits of a minimum are mostly 0; a multiplication brings all bits up.
      signature[index] = UInt16(truncatingIfNeeded: (minimum &* 0x9e37_79b1) >> 16)
    }
    return signature
  }

  /// Plain loops over memory: the compiler turns them into vector instructions.
  @inline(__always)
  private static func lower(_ minima: UnsafeMutableBufferPointer<UInt32>, by shingle: UInt32) {
    multipliers.withUnsafeBufferPointer { multipliers in
      offsets.withUnsafeBufferPointer { offsets in
        for index in 0..<hashCount {
          minima[index] = min(minima[index], multipliers[index] &* shingle &+ offsets[index])
        }
      }
    }
  }

  /// Calls `body` with a hash of every word.
  private static func forEachWord(in text: [UInt8], _ body: (UInt64) -> Void) {
    // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv
    let start: UInt64 = 0xcbf2_9ce4_8422_2325
    var hash = start
    var isInside = false
    for byte in text {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
        hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        isInside = true
      case UInt8(ascii: "A")...UInt8(ascii: "Z"):
        hash = (hash ^ UInt64(byte | 0x20)) &* 0x100_0000_01b3
        isInside = true
      default:
        if isInside { body(hash) }
        hash = start
        isInside = false
      }
    }
    if isInside { body(hash) }
  }

  /// The permutations x → a·x + b modulo 2^32 with odd a, of hashed shingles.
  private static let multipliers = constants(seed: 1).map { $0 | 1 }
  private static let offsets = constants(seed: 2)

  private static func constants(seed: UInt64) -> [UInt32] {
    (0..<UInt64(hashCount)).map { UInt32(truncatingIfNeeded: MixedBits.mix(seed, $0)) }
  }
}

/// A hash table of entry numbers whose keys lie elsewhere; open addressing, at most half full.
private struct BandTable {
  /// 0 is free, n is entry n - 1.
  private var slots = [UInt32](repeating: 0, count: 64)
  private var count = 0

  private func start(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: MixedBits.mix(key)) & (slots.count - 1)
  }

  /// True when `matches` holds for one of the first `limit` entries at the key's place.
  func contains(_ key: UInt64, limit: Int, where matches: (Int) -> Bool) -> Bool {
    var slot = start(key)
    for _ in 0..<limit {
      guard slots[slot] != 0 else { return false }
      if matches(Int(slots[slot]) - 1) { return true }
      slot = (slot + 1) & (slots.count - 1)
    }
    return false
  }

  mutating func insert(_ key: UInt64, entry: Int, keyOf: (Int) -> UInt64) {
    if 2 * (count + 1) > slots.count { grow(keyOf) }
    place(key, UInt32(truncatingIfNeeded: entry + 1))
    count += 1
  }

  private mutating func place(_ key: UInt64, _ value: UInt32) {
    var slot = start(key)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = value
  }

  private mutating func grow(_ keyOf: (Int) -> UInt64) {
    let old = slots
    slots = Array(repeating: 0, count: 2 * old.count)
    for value in old where value != 0 { place(keyOf(Int(value) - 1), value) }
  }
}
