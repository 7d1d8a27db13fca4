/// Finds where the word that begins at a position ends, by the rules of `PreTokenizer`.
///
/// Every function returns the end of the match, or nil when its alternative does not match.
struct WordScanner {
  private let text: UnsafeBufferPointer<UInt8>
  private let ascii = CharacterClass.ascii

  init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

  private var end: Int { text.count }

  @inline(__always)
  func character(at position: Int) -> (class: CharacterClass, next: Int) {
    let (value, next) = UnicodeText.scalar(text, at: position)
    return (value < 0x80 ? ascii[Int(value)] : CharacterClass.of(value), next)
  }

  private func isLineBreak(_ position: Int) -> Bool {
    text[position] == 0x0a || text[position] == 0x0d
  }

  /// The end of the longest run from `start` of characters that `matches` accepts.
  @inline(__always)
  private func run(_ start: Int, while matches: (CharacterClass) -> Bool) -> Int {
    var position = start
    while position < end {
      let (found, next) = character(at: position)
      guard matches(found) else { break }
      position = next
    }
    return position
  }

  func gpt2(_ start: Int) -> Int {
    if let end = contraction(start, ignoringCase: false) { return end }
    let first = text[start] == 0x20 && start + 1 < end ? start + 1 : start
    let found = character(at: first).class
    if found.contains(.letter) { return run(first) { $0.contains(.letter) } }
    if found.contains(.number) { return run(first) { $0.contains(.number) } }
    if !found.contains(.space) { return run(first, while: Self.isOther) }
    return spaces(start)
  }

  func llama3(_ start: Int, digits: Int) -> Int {
    if let end = contraction(start, ignoringCase: true) { return end }
    let (found, next) = character(at: start)
    if found.contains(.letter) { return run(next) { $0.contains(.letter) } }
    if found.contains(.number) { return numbers(start, limit: digits) }
    if next < end, !isLineBreak(start), character(at: next).class.contains(.letter) {
      return run(next) { $0.contains(.letter) }
    }
    return other(start, slash: false) ?? linesOrSpaces(start)
  }

  /// GPT-4o's and Tekken's expression.
  func cased(_ start: Int, digits: Int, contractions: Bool) -> Int {
    if let word = casedWord(start) {
      return (contractions ? contraction(word, ignoringCase: true) : nil) ?? word
    }
    if character(at: start).class.contains(.number) { return numbers(start, limit: digits) }
    return other(start, slash: true) ?? linesOrSpaces(start)
  }

  /// `[^\s\p{L}\p{N}]`
  private static func isOther(_ found: CharacterClass) -> Bool {
    found.isDisjoint(with: [.space, .letter, .number])
  }

  private func numbers(_ start: Int, limit: Int) -> Int {
    var position = start
    for _ in 0..<limit where position < end {
      let (found, next) = character(at: position)
      guard found.contains(.number) else { break }
      position = next
    }
    return position
  }

  /// ` ?[^\s\p{L}\p{N}]+[\r\n]*`, with `/` among the last for `slash`.
  private func other(_ start: Int, slash: Bool) -> Int? {
    let first = text[start] == 0x20 ? start + 1 : start
    var position = run(first, while: Self.isOther)
    guard position > first else { return nil }
    while position < end, isLineBreak(position) || (slash && text[position] == 0x2f) {
      position += 1
    }
    return position
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: the run of white space up to its last line break, or else as
  /// `spaces` says.
  private func linesOrSpaces(_ start: Int) -> Int {
    let runEnd = run(start) { $0.contains(.space) }
    var position = runEnd
    while position > start {
      if isLineBreak(position - 1) { return position }
      position = UnicodeText.startBefore(text, position)
    }
    return spaces(start)
  }

  /// `\s+(?!\S)|\s+`: white space but for its last character, which goes with the next word.
  private func spaces(_ start: Int) -> Int {
    let runEnd = run(start) { $0.contains(.space) }
    guard runEnd < end else { return runEnd }
    let last = UnicodeText.startBefore(text, runEnd)
    return last > start ? last : runEnd
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d`
  private func contraction(_ start: Int, ignoringCase: Bool) -> Int? {
    guard start + 1 < end, text[start] == 0x27 else { return nil }
    // U+017F, the long s, is an s under Unicode case folding.
    if ignoringCase, text[start + 1] == 0xc5, start + 2 < end, text[start + 2] == 0xbf {
      return start + 3
    }
    func letter(_ position: Int) -> UInt8 {
      guard position < end else { return 0 }
      let byte = text[position]
      return ignoringCase && byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    }
    switch (letter(start + 1), letter(start + 2)) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _),
      (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }
}

extension WordScanner {
  /// `[^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L*` where U is `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
  /// and L is `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
  fileprivate func casedWord(_ start: Int) -> Int? {
    let (found, next) = character(at: start)
    let mayLead = found.isDisjoint(with: [.letter, .number]) && !isLineBreak(start)
    // A mark may be the lead or part of the word; the expression tries it as the lead first.
    let starts = mayLead ? [next, start] : [start]
    for start in starts { if let end = lowerEnd(start) { return end } }
    for start in starts { if let end = upperEnd(start) { return end } }
    return nil
  }

  /// `U*L+`, giving characters of both classes back to L as a regular expression does.
  private func lowerEnd(_ start: Int) -> Int? {
    let upper = run(start, while: Self.isUpperish)
    let lower = run(upper, while: Self.isLowerish)
    if lower > upper { return lower }
    guard upper > start else { return nil }
    let last = UnicodeText.startBefore(text, upper)
    var position = last
    // Give back until a character that L accepts as well is last: L+ then runs from there.
    while position >= start {
      if Self.isLowerish(character(at: position).class) {
        return run(position, while: Self.isLowerish)
      }
      guard position > start else { return nil }
      position = UnicodeText.startBefore(text, position)
    }
    return nil
  }

  /// `U+L*`
  private func upperEnd(_ start: Int) -> Int? {
    let upper = run(start, while: Self.isUpperish)
    return upper > start ? run(upper, while: Self.isLowerish) : nil
  }

  private static func isUpperish(_ found: CharacterClass) -> Bool {
    found.contains(.mark) || (found.contains(.letter) && !found.contains(.lower))
  }

  private static func isLowerish(_ found: CharacterClass) -> Bool {
    found.contains(.mark) || (found.contains(.letter) && !found.contains(.upper))
  }
}
