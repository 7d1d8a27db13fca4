/// Makes clean UTF-8 of the bytes of one file.
///
/// - Bytes that are not UTF-8 become U+FFFD, one for each maximal subpart (Unicode 16, §3.9).
/// - CR LF and a CR alone become LF; a byte-order mark at the start goes away.
/// - Other control characters (C0, DEL, C1), except LF and TAB, go away.
struct TextCleaner {
  struct Counts: Sendable, Equatable {
    var repairedSequences = 0
    var removedControls = 0
  }

  private(set) var counts = Counts()
  /// The beginning of a character that the last block ended in.
  private var unfinished: [UInt8] = []
  private var followsCarriageReturn = false
  private var isAtStart = true

  /// Appends the clean form of `block` to `text`, but for a character that is not finished.
  mutating func append(_ block: [UInt8], to text: inout [UInt8]) {
    guard !unfinished.isEmpty else { return clean(block, isLast: false, to: &text) }
    let whole = unfinished + block
    unfinished = []
    clean(whole, isLast: false, to: &text)
  }

  mutating func finish(to text: inout [UInt8]) {
    let rest = unfinished
    unfinished = []
    clean(rest, isLast: true, to: &text)
  }

  private mutating func clean(_ block: [UInt8], isLast: Bool, to text: inout [UInt8]) {
    text.reserveCapacity(text.count + block.count)
    block.withUnsafeBufferPointer { bytes in
      var position = 0
      while position < bytes.count {
        let start = position
        while position < bytes.count, Self.isPlain(bytes[position]) { position += 1 }
        if position > start {
          if followsCarriageReturn, bytes[start] == 0x0a {
            text.append(contentsOf: bytes[(start + 1)..<position])
          } else {
            text.append(contentsOf: bytes[start..<position])
          }
          followsCarriageReturn = false
          isAtStart = false
          continue
        }
        if bytes[position] < 0x80 {
          control(bytes[position], to: &text)
          position += 1
        } else if let length = character(bytes, position, isLast: isLast, to: &text) {
          position += length
        } else {
          unfinished = Array(bytes[position...])
          return
        }
        isAtStart = false
      }
    }
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f || byte == 0x0a || byte == 0x09
  }

  private mutating func control(_ byte: UInt8, to text: inout [UInt8]) {
    if byte == 0x0d {
      text.append(0x0a)
      followsCarriageReturn = true
    } else {
      counts.removedControls += 1
      followsCarriageReturn = false
    }
  }

  /// Takes the bytes of one character or of one maximal subpart; nil when the block ends in it.
  private mutating func character(
    _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, isLast: Bool, to text: inout [UInt8]
  ) -> Int? {
    followsCarriageReturn = false
    let first = bytes[start]
    let wanted = Self.length(of: first)
    var length = 1
    while length < wanted, start + length < bytes.count,
      Self.isContinuation(bytes[start + length], of: first, at: length)
    {
      length += 1
    }
    if length < wanted, start + length == bytes.count, !isLast { return nil }
    guard wanted > 1, length == wanted else {
      counts.repairedSequences += 1
      text.append(contentsOf: [0xef, 0xbf, 0xbd])
      return length
    }
    let isMark =
      isAtStart && first == 0xef && bytes[start + 1] == 0xbb && bytes[start + 2] == 0xbf
    if isMark { return length }
    if first == 0xc2, bytes[start + 1] < 0xa0 {
      counts.removedControls += 1
    } else {
      text.append(contentsOf: bytes[start..<(start + length)])
    }
    return length
  }

  /// Bytes of the character that `first` begins, 1 when it begins none.
  private static func length(of first: UInt8) -> Int {
    switch first {
    case 0xc2...0xdf: 2
    case 0xe0...0xef: 3
    case 0xf0...0xf4: 4
    default: 1
    }
  }

  /// Table 3-7 of Unicode 16: the second byte rules out overlong forms, surrogates and values that
  /// are too large.
  private static func isContinuation(_ byte: UInt8, of first: UInt8, at index: Int) -> Bool {
    guard index == 1 else { return byte & 0xc0 == 0x80 }
    switch first {
    case 0xe0: return byte >= 0xa0 && byte < 0xc0
    case 0xed: return byte >= 0x80 && byte < 0xa0
    case 0xf0: return byte >= 0x90 && byte < 0xc0
    case 0xf4: return byte >= 0x80 && byte < 0x90
    default: return byte & 0xc0 == 0x80
    }
  }
}
