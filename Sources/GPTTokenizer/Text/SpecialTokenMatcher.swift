/// A token that is found in a text as a whole, before anything else looks at the text.
struct AddedToken: Sendable {
  let id: Int32
  let text: [UInt8]
  /// Takes white space to its left along.
  var stripsLeft = false
  /// Takes white space to its right along.
  var stripsRight = false
  /// Matches only between characters that are no letters, digits or underscores.
  var isSingleWord = false
}

/// Splits a text at added tokens: the leftmost first, the longest of those that begin there.
struct SpecialTokenMatcher: Sendable {
  enum Part {
    case text(Range<Int>)
    case token(Int32)
  }

  /// Bounds the time of a search, which may walk that far at every byte of a text.
  static let tokenByteLimit = 4096

  private struct Node {
    var children: [UInt8: Int32] = [:]
    var token: Int32 = -1
  }

  private var nodes = [Node()]
  private var tokens: [AddedToken] = []
  private var startsToken = [Bool](repeating: false, count: 256)

  var isEmpty: Bool { tokens.isEmpty }

  /// Tokens that are empty or longer than `tokenByteLimit` are left out.
  init(_ tokens: [AddedToken]) {
    for token in tokens where !token.text.isEmpty && token.text.count <= Self.tokenByteLimit {
      insert(token)
    }
  }

  private mutating func insert(_ token: AddedToken) {
    var node = 0
    for byte in token.text {
      if let child = nodes[node].children[byte] {
        node = Int(child)
      } else {
        nodes[node].children[byte] = Int32(nodes.count)
        node = nodes.count
        nodes.append(Node())
      }
    }
    guard nodes[node].token < 0 else { return }
    nodes[node].token = Int32(tokens.count)
    startsToken[Int(token.text[0])] = true
    tokens.append(token)
  }

  /// The parts of `text` in order, together covering it but for stripped white space.
  func parts(of text: UnsafeBufferPointer<UInt8>) -> [Part] {
    guard !isEmpty else { return text.isEmpty ? [] : [.text(0..<text.count)] }
    var parts: [Part] = []
    var start = 0
    var position = 0
    while position < text.count {
      guard startsToken[Int(text[position])], let match = longestToken(in: text, at: position)
      else {
        position += 1
        continue
      }
      let token = tokens[match]
      var end = position + token.text.count
      if token.isSingleWord && !standsAlone(position..<end, in: text) {
        position = end
        continue
      }
      var textEnd = position
      if token.stripsLeft {
        textEnd = UnicodeText.skipSpaceBackward(text, from: position, to: start)
      }
      if token.stripsRight { end = UnicodeText.skipSpace(text, from: end) }
      if textEnd > start { parts.append(.text(start..<textEnd)) }
      parts.append(.token(token.id))
      start = end
      position = end
    }
    if start < text.count { parts.append(.text(start..<text.count)) }
    return parts
  }

  private func longestToken(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
    var node = 0
    var found: Int?
    for position in start..<text.count {
      guard let child = nodes[node].children[text[position]] else { break }
      node = Int(child)
      if nodes[node].token >= 0 { found = Int(nodes[node].token) }
    }
    return found
  }

  private func standsAlone(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    if range.upperBound < text.count,
      UnicodeText.isWord(UnicodeText.scalar(text, at: range.upperBound).value)
    {
      return false
    }
    guard range.lowerBound > 0 else { return true }
    return !UnicodeText.isWord(UnicodeText.scalarBefore(text, range.lowerBound))
  }
}
