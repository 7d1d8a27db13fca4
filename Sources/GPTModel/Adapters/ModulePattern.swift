/// A key of `rank_pattern` or `alpha_pattern`, a regular expression for names of modules.
///
/// PEFT matches `(.*\.)?(KEY)$` from the name's start (peft 0.21, `get_pattern_key`). Understood are
/// letters that stand for themselves, `.`, `.*`, escaped punctuation, `^` first and `$` last: what
/// PEFT writes and people need; general expressions could take endless time on hostile files.
struct ModulePattern {
  private enum Piece: Equatable {
    case byte(UInt8)
    case anyByte
    case anyText
  }

  private let pieces: [Piece]
  private let isAnchored: Bool

  /// nil for an expression that is not understood.
  init?(_ text: String) {
    var bytes = Array(text.utf8)[...]
    isAnchored = bytes.first == UInt8(ascii: "^")
    if isAnchored { bytes.removeFirst() }
    var pieces: [Piece] = []
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "\\"):
        guard let next = bytes.popFirst(), Self.isPunctuation(next) else { return nil }
        pieces.append(.byte(next))
      case UInt8(ascii: "."):
        if bytes.first == UInt8(ascii: "*") {
          bytes.removeFirst()
          pieces.append(.anyText)
        } else {
          pieces.append(.anyByte)
        }
      case UInt8(ascii: "$") where bytes.isEmpty: break
      case _ where Self.isPunctuation(byte) && !Array("_-/:".utf8).contains(byte): return nil
      default: pieces.append(.byte(byte))
      }
    }
    self.pieces = pieces
  }

  private static func isPunctuation(_ byte: UInt8) -> Bool {
    byte < 0x80 && !Character(UnicodeScalar(byte)).isLetter
      && !Character(UnicodeScalar(byte)).isNumber
  }

  /// Whether the pattern takes the whole name or all that follows one of its dots.
  func matches(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    if matches(bytes[...]) { return true }
    guard !isAnchored else { return false }
    return bytes.indices.contains { index in
      bytes[index] == UInt8(ascii: ".") && matches(bytes[(index + 1)...])
    }
  }

  /// Matches the whole of `text`; on a mismatch the last `.*` takes one byte more.
  private func matches(_ text: ArraySlice<UInt8>) -> Bool {
    var (piece, place) = (0, text.startIndex)
    var retry: (piece: Int, place: Int)?
    while place < text.endIndex || piece < pieces.count {
      if piece < pieces.count, pieces[piece] == .anyText {
        retry = (piece, place)
        piece += 1
      } else if piece < pieces.count, place < text.endIndex,
        pieces[piece] == .anyByte || pieces[piece] == .byte(text[place])
      {
        piece += 1
        place += 1
      } else if let last = retry, last.place < text.endIndex {
        retry = (last.piece, last.place + 1)
        (piece, place) = (last.piece + 1, last.place + 1)
      } else {
        return false
      }
    }
    return true
  }
}
