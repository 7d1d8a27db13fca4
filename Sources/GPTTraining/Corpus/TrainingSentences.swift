/// The lines of a corpus's training part that a vocabulary is learned from.
///
/// Line feeds are left out: the vocabulary has a piece of its own for them. Of a large corpus about
/// `byteLimit` bytes are drawn, the same lines every time.
struct TrainingSentences: Sequence {
  /// Longer lines are cut: one word of many thousand characters takes the library minutes.
  private static let sentenceBytes = 4096

  private let split: CorpusSplit
  private let spool: DocumentSpool
  /// Lines whose 64 random bits are above this are left out.
  private let threshold: UInt64
  private let shouldStop: () -> Bool

  /// - Parameters:
  ///   - trainingBytes: size of the training part
  ///   - shouldStop: asked for every stretch of text; true ends the sentences
  init(
    _ split: CorpusSplit, _ spool: DocumentSpool, trainingBytes: Int, byteLimit: Int,
    shouldStop: @escaping () -> Bool
  ) {
    self.split = split
    self.spool = spool
    self.shouldStop = shouldStop
    let share = Double(byteLimit) / Double(Swift.max(trainingBytes, 1))
    threshold = share >= 1 ? .max : UInt64(exactly: (share * 0x1p64).rounded(.down)) ?? .max
  }

  func makeIterator() -> some IteratorProtocol<String> {
    var segments = split.segments(.training).makeIterator()
    var range = 0..<0
    var number: UInt64 = 0
    return AnyIterator { [self] in
      while true {
        if range.isEmpty {
          guard !shouldStop(), let next = segments.next() else { return nil }
          range = next.range
        }
        let sentence = nextSentence(&range)
        number += 1
        guard !sentence.isEmpty, MixedBits.mix(number) <= threshold else { continue }
        return String(decoding: spool.text(sentence), as: UTF8.self)
      }
    }
  }

  /// Takes a line, or a part of a long one, off the front of `range`.
  private func nextSentence(_ range: inout Range<Int>) -> Range<Int> {
    let text = spool.text(range)
    let window = text.prefix(Self.sentenceBytes + 1)
    if let end = window.firstIndex(of: 0x0a) {
      defer { range = (range.lowerBound + end + 1)..<range.upperBound }
      return range.lowerBound..<(range.lowerBound + end)
    }
    var end = Swift.min(Self.sentenceBytes, text.count)
    if end < text.count {
      if let space = text[..<end].lastIndex(of: 0x20), space > 0 { end = space }
      while end > 1, text[end] & 0xc0 == 0x80 { end -= 1 }
    }
    defer { range = (range.lowerBound + end)..<range.upperBound }
    return range.lowerBound..<(range.lowerBound + end)
  }
}
