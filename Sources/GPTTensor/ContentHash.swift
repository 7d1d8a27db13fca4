import Glibc

/// XXH64 of bytes, seed 0: tells damage, not malice, and reads a checkpoint of gigabytes in about a
/// second, where a cryptographic hash would take ten.
///
/// Source: Collet, the xxHash specification, doc/xxhash_spec.md, section XXH64.
package struct ContentHash {
  private static let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
  private static let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
  private static let prime3: UInt64 = 0x1656_67b1_9e37_79f9
  private static let prime4: UInt64 = 0x85eb_ca77_c2b2_ae63
  private static let prime5: UInt64 = 0x27d4_eb2f_1656_67c5
  static let stripeBytes = 32

  private var lanes: (UInt64, UInt64, UInt64, UInt64) = (
    prime1 &+ prime2, prime2, 0, 0 &- prime1
  )
  private var byteCount = 0

  /// The hash of `bytes`.
  package static func digest(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    let whole = bytes.count / stripeBytes * stripeBytes
    var content = ContentHash()
    content.update(UnsafeRawBufferPointer(rebasing: bytes[..<whole]))
    return content.finish(UnsafeRawBufferPointer(rebasing: bytes[whole...]))
  }

  package static func digest(of bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { digest(of: $0) }
  }

  /// - Parameter stripes: a multiple of 32 bytes.
  mutating func update(_ stripes: UnsafeRawBufferPointer) {
    precondition(stripes.count % Self.stripeBytes == 0, "\(stripes.count) bytes of stripes")
    guard let base = stripes.baseAddress else { return }
    var (first, second, third, fourth) = lanes
    for offset in stride(from: 0, to: stripes.count, by: Self.stripeBytes) {
      first = Self.round(first, Self.word(base + offset))
      second = Self.round(second, Self.word(base + offset + 8))
      third = Self.round(third, Self.word(base + offset + 16))
      fourth = Self.round(fourth, Self.word(base + offset + 24))
    }
    lanes = (first, second, third, fourth)
    byteCount += stripes.count
  }

  /// - Parameter tail: what is left, fewer than 32 bytes.
  consuming func finish(_ tail: UnsafeRawBufferPointer) -> UInt64 {
    precondition(tail.count < Self.stripeBytes, "\(tail.count) bytes of tail")
    var hash = byteCount == 0 ? Self.prime5 : merged
    hash &+= UInt64(byteCount + tail.count)
    var rest = tail[...]
    while rest.count >= 8 {
      let word = rest.loadUnaligned(as: UInt64.self).littleEndian
      hash ^= Self.round(0, word)
      hash = Self.rotate(hash, 27) &* Self.prime1 &+ Self.prime4
      rest = rest.dropFirst(8)
    }
    if rest.count >= 4 {
      hash ^= UInt64(rest.loadUnaligned(as: UInt32.self).littleEndian) &* Self.prime1
      hash = Self.rotate(hash, 23) &* Self.prime2 &+ Self.prime3
      rest = rest.dropFirst(4)
    }
    for byte in rest {
      hash ^= UInt64(byte) &* Self.prime5
      hash = Self.rotate(hash, 11) &* Self.prime1
    }
    hash = (hash ^ hash >> 33) &* Self.prime2
    hash = (hash ^ hash >> 29) &* Self.prime3
    return hash ^ hash >> 32
  }

  private var merged: UInt64 {
    var hash = Self.rotate(lanes.0, 1) &+ Self.rotate(lanes.1, 7)
    hash = hash &+ Self.rotate(lanes.2, 12) &+ Self.rotate(lanes.3, 18)
    for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
      hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
    }
    return hash
  }

  @inline(__always)
  private static func word(_ address: UnsafeRawPointer) -> UInt64 {
    address.loadUnaligned(as: UInt64.self).littleEndian
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotate(lane &+ word &* prime2, 31) &* prime1
  }

  @inline(__always)
  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }
}

/// Length and content of a file, as a checkpoint records them.
package struct FileSeal: Sendable, Equatable {
  package let byteCount: Int
  /// XXH64 in 16 hexadecimal digits.
  package let hash: String

  package init(of bytes: [UInt8]) {
    byteCount = bytes.count
    hash = Self.hexadecimal(
      bytes.withUnsafeBytes { ContentHash.digest(of: $0) })
  }

  package init(byteCount: Int, hash: String) {
    self.byteCount = byteCount
    self.hash = hash
  }

  /// Reads the whole file, through a mapping whose pages are handed back.
  package init(ofFile path: String) throws(FileError) {
    var status = stat()
    // An empty file cannot be mapped.
    if stat(path, &status) == 0, status.st_size == 0, status.st_mode & S_IFMT == S_IFREG {
      self.init(of: [])
      return
    }
    let file = try MappedFile(path: path)
    file.adviseSequential()
    let whole = file.bytes.count / ContentHash.stripeBytes * ContentHash.stripeBytes
    var content = ContentHash()
    var begin = 0
    while begin < whole {
      let end = min(begin + (8 << 20), whole)
      content.update(UnsafeRawBufferPointer(rebasing: file.bytes[begin..<end]))
      file.release(begin..<end)
      begin = end
    }
    let tail = UnsafeRawBufferPointer(rebasing: file.bytes[whole...])
    // The mapping ends with its object, which the pointers into it do not keep.
    let value = withExtendedLifetime(file) { content.finish(tail) }
    self.init(byteCount: tail.count + whole, hash: Self.hexadecimal(value))
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
