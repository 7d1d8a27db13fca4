/// Checks the table by which SentencePiece normalises text (`precompiled_charsmap`).
///
///     [u32 size of trie][trie: u32 units of a double-array trie][texts, each ended by NUL]
///
/// A unit holds a label, an offset to its children and whether it has a value; values are
/// positions in the texts. The library follows offsets and values without looking at bounds.
///
/// - Source: the layout of Darts-clone (darts.h) as used by sentencepiece v0.1.97 normalizer.cc
enum NormalizationTable {
  /// The library collects that many prefixes of a text in a fixed buffer.
  private static let valuesPerPath: UInt8 = 32
  /// The longest replacement of Unicode's NFKC is 33 bytes long (U+FDFA).
  private static let textBytes = 256

  static func check(_ table: ArraySlice<UInt8>, location: String) throws(TokenizerError) {
    guard !table.isEmpty else { return }
    func failure(_ found: String, _ expected: String) -> TokenizerError {
      .invalid(location: location, found: found, expected: expected)
    }
    guard table.count > 4 else { throw failure("\(table.count) bytes", "a size and a trie") }
    let trieBytes = Int(word(table, 0))
    guard trieBytes >= 1024, trieBytes % 4 == 0, trieBytes < table.count - 4 else {
      throw failure(
        "a trie of \(trieBytes) bytes in a table of \(table.count)",
        "a multiple of 4 from 1024 that leaves room for texts")
    }
    let texts = table[(table.startIndex + 4 + trieBytes)...]
    guard texts.last == 0 else { throw failure("texts without an end", "NUL at the end") }
    guard longestText(texts) <= textBytes else {
      throw failure("a replacement of \(longestText(texts)) bytes", "at most \(textBytes)")
    }
    let units = (1...(trieBytes / 4)).map { word(table, 4 * $0) }
    if let fault = TrieWalk(units: units, textBytes: texts.count, limit: valuesPerPath).fault() {
      throw failure(fault, "a trie whose links stay inside it")
    }
  }

  private static func word(_ table: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(table[table.startIndex + offset + $1]) << UInt32(8 * $1) }
  }

  private static func longestText(_ texts: ArraySlice<UInt8>) -> Int {
    var longest = 0
    var current = 0
    for byte in texts {
      current = byte == 0 ? 0 : current + 1
      longest = max(longest, current)
    }
    return longest
  }
}

/// Visits every unit that some text reaches.
///
/// Units may be shared between parents but must not form a cycle; each is visited once, after
/// its children, and keeps the largest number of values on a path below it.
private struct TrieWalk {
  private static let unvisited: UInt8 = 255
  private static let open: UInt8 = 254

  private let units: [UInt32]
  private let textBytes: Int
  private let limit: UInt8
  private var depths: [UInt8]
  private var stack: [(unit: Int, label: Int)] = []

  init(units: [UInt32], textBytes: Int, limit: UInt8) {
    self.units = units
    self.textBytes = textBytes
    self.limit = limit
    depths = Array(repeating: Self.unvisited, count: units.count)
  }

  /// What is wrong with the trie, nil when nothing is.
  consuming func fault() -> String? {
    if let fault = enter(0) { return fault }
    while let (unit, label) = stack.last {
      if label > 255 {
        leave(unit)
        if depths[unit] > limit { return "more than \(limit) values on one path" }
        continue
      }
      stack[stack.count - 1].label += 1
      let child = base(of: unit) ^ label
      guard units[child] & 0x8000_00ff == UInt32(label) else { continue }
      if depths[child] == Self.open { return "a cycle at unit \(child)" }
      if depths[child] == Self.unvisited, let fault = enter(child) { return fault }
    }
    return nil
  }

  /// Position of the children of `unit`: the child for a byte stands at this XOR the byte.
  private func base(of unit: Int) -> Int {
    let bits = units[unit]
    return unit ^ Int((bits >> 10) << ((bits & 0x200) >> 6))
  }

  private mutating func enter(_ unit: Int) -> String? {
    let base = base(of: unit)
    guard base | 255 < units.count else { return "unit \(unit) pointing outside" }
    if units[unit] & 0x100 != 0 {
      let value = Int(units[base] & 0x7fff_ffff)
      guard value < textBytes else { return "unit \(unit) with a value outside the texts" }
    }
    depths[unit] = Self.open
    stack.append((unit, 0))
    return nil
  }

  private mutating func leave(_ unit: Int) {
    stack.removeLast()
    let base = base(of: unit)
    var deepest: UInt8 = 0
    for label in 0...255 where units[base ^ label] & 0x8000_00ff == UInt32(label) {
      deepest = max(deepest, min(depths[base ^ label], 200))
    }
    depths[unit] = deepest + (units[unit] & 0x100 == 0 ? 0 : 1)
  }
}
