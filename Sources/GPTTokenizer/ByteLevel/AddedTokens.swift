/// A token that is matched in the text as it stands, before words are split.
struct AddedToken: Sendable, Equatable {
  var id: Int32
  var content: String
  /// A control token: left out of decoded text, recognised only on request.
  var isSpecial: Bool
  var stripsLeft = false
  var stripsRight = false
  var singleWord = false
}

/// Finds added tokens in a text; at each place the longest wins.
struct AddedTokens: Sendable {
  enum Part {
    case text(Substring)
    case token(Int32)
  }

  let tokens: [AddedToken]
  private let byFirstByte: [UInt8: [Int]]

  init(_ tokens: [AddedToken]) {
    self.tokens = tokens.filter { !$0.content.isEmpty }
    var table: [UInt8: [Int]] = [:]
    for (index, token) in self.tokens.enumerated() {
      table[token.content.utf8.first ?? 0, default: []].append(index)
    }
    let lengths = self.tokens.map(\.content.utf8.count)
    byFirstByte = table.mapValues { $0.sorted { lengths[$0] > lengths[$1] } }
  }

  /// The text's parts in order.
  func split(_ text: String, includingSpecial: Bool) -> [Part] {
    guard !tokens.isEmpty else { return [.text(text[...])] }
    var parts: [Part] = []
    let bytes = text.utf8
    var textStart = bytes.startIndex
    var index = bytes.startIndex
    while index < bytes.endIndex {
      guard let candidates = byFirstByte[bytes[index]],
        let (token, end) = match(candidates, in: text, at: index, includingSpecial)
      else {
        bytes.formIndex(after: &index)
        continue
      }
      var before = text[textStart..<index]
      if token.stripsLeft { while before.last?.isWhitespace == true { before.removeLast() } }
      if !before.isEmpty { parts.append(.text(before)) }
      parts.append(.token(token.id))
      index = end
      if token.stripsRight {
        while index < text.endIndex, text[index].isWhitespace { index = text.index(after: index) }
      }
      textStart = index
    }
    if textStart < bytes.endIndex { parts.append(.text(text[textStart...])) }
    return parts
  }

  private func match(
    _ candidates: [Int], in text: String, at index: String.Index, _ includingSpecial: Bool
  ) -> (AddedToken, String.Index)? {
    let rest = text.utf8[index...]
    for candidate in candidates {
      let token = tokens[candidate]
      guard includingSpecial || !token.isSpecial, rest.starts(with: token.content.utf8) else {
        continue
      }
      let end = text.utf8.index(index, offsetBy: token.content.utf8.count)
      if token.singleWord, isInsideWord(text, from: index, to: end) { continue }
      return (token, end)
    }
    return nil
  }

  private func isInsideWord(_ text: String, from start: String.Index, to end: String.Index) -> Bool {
    func isWord(_ scalar: Unicode.Scalar?) -> Bool {
      guard let scalar else { return false }
      return scalar == "_" || [.letter, .number].contains(CharacterClass(scalar))
    }
    return isWord(text[..<start].unicodeScalars.last) || isWord(text[end...].unicodeScalars.first)
  }
}
