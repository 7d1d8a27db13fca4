/// Tokens with what of them is to be learned.
struct EncodedSequence: Equatable, Sendable {
  private(set) var tokens: [Int32] = []
  /// Whether predicting the token carries loss; one for each.
  private(set) var isTrained: [Bool] = []
  /// Where the first answer begins; 0 for texts.
  var answerStart = 0

  mutating func append(_ ids: [Int32], isTrained: Bool) {
    tokens += ids
    self.isTrained += Array(repeating: isTrained, count: ids.count)
  }

  /// Inputs it takes in a row: the last token is only a target.
  var rowLength: Int { max(0, tokens.count - 1) }

  /// Targets that carry loss: nothing precedes the first token.
  var trainedCount: Int { isTrained.dropFirst().count { $0 } }

  mutating func trainOnEverything() {
    isTrained = Array(repeating: true, count: tokens.count)
  }

  /// Drops what follows the last token that is learned: nothing looks at it.
  mutating func dropUntrainedEnd() {
    let count = isTrained.lastIndex(of: true).map { $0 + 1 } ?? 0
    tokens.removeLast(tokens.count - count)
    isTrained.removeLast(isTrained.count - count)
  }

  /// Cuts to at most `limit` tokens: the beginning of the prompt goes first, so that what is to be
  /// said stays whole; when that alone is too long, its end goes.
  ///
  /// A beginning-of-sequence token stays, and so does one token before the answer.
  ///
  /// - Parameter answerCount: tokens from `answerStart` on to keep room for; of a pair, the larger
  ///   number, so that both keep the same prompt
  /// - Returns: whether anything was cut
  mutating func fit(limit: Int, answerCount: Int, beginning: Int32?) -> Bool {
    guard tokens.count > limit || answerStart + answerCount > limit else { return false }
    let head = answerStart > 0 && limit > 2 && tokens.first == beginning ? 1 : 0
    let wanted = max(1 - head, limit - head - answerCount)
    let start = answerStart - min(answerStart - head, wanted)
    let end = min(tokens.count, start + limit - head)
    tokens = Array(tokens[..<head] + tokens[start..<end])
    isTrained = Array(isTrained[..<head] + isTrained[start..<end])
    answerStart -= start - head
    return true
  }
}
