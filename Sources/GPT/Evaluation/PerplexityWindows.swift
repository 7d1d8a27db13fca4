/// Tokens that are computed together, and those of them that are predicted.
package struct PerplexityWindow: Equatable {
  /// Positions in the text.
  package let tokens: Range<Int>
  package let predicted: Range<Int>
  package let weight: Int
  /// Whether the beginning of sequence stands in the place of the first token.
  package let startsAnew: Bool
}

extension PerplexityOptions {
  /// The windows over a text of `count` tokens.
  ///
  /// - Throws: `LanguageModelError.textTooShort`, `LanguageModelError.invalidOption`
  package func windows(
    over count: Int, contextLength: Int
  ) throws(LanguageModelError) -> [PerplexityWindow] {
    if let chunkLength, chunkLength < 1 {
      throw .invalidOption(name: "chunkLength", found: "\(chunkLength)", expected: "1 or more")
    }
    let usual = counting == .llamaCpp ? 512 : 1024
    let length = windowLength ?? min(usual, contextLength)
    let least = counting == .llamaCpp ? 3 : 2
    guard length >= least, length <= contextLength else {
      throw .invalidOption(
        name: "windowLength", found: "\(length)", expected: "\(least)...\(contextLength)")
    }
    switch counting {
    case .llamaCpp:
      guard stride == nil else {
        throw .invalidOption(
          name: "stride", found: "\(stride ?? 0)", expected: "none with llama.cpp's counting")
      }
      return try sideBySide(count, length: length)
    case .transformers:
      let stride = stride ?? max(1, length / 2)
      guard stride >= 1, stride <= length else {
        throw .invalidOption(name: "stride", found: "\(stride)", expected: "1...\(length)")
      }
      return try sliding(count, length: length, stride: stride)
    }
  }

  private func sideBySide(
    _ count: Int, length: Int
  ) throws(LanguageModelError) -> [PerplexityWindow] {
    // llama.cpp refuses less, too.
    guard count / 2 >= length else { throw .textTooShort(tokenCount: count, minimum: 2 * length) }
    return (0..<count / length).map { index in
      let start = index * length
      let predicted = start + length / 2 + 1..<start + length
      return PerplexityWindow(
        tokens: start..<start + length, predicted: predicted, weight: predicted.count,
        startsAnew: true)
    }
  }

  private func sliding(
    _ count: Int, length: Int, stride: Int
  ) throws(LanguageModelError) -> [PerplexityWindow] {
    guard count >= 2 else { throw .textTooShort(tokenCount: count, minimum: 2) }
    var windows: [PerplexityWindow] = []
    var start = 0
    var covered = 0
    while covered < count {
      let end = start + min(length, count - start)
      // A window's first token has nothing before it to be predicted from.
      let predicted = max(covered, start + 1)..<max(end, start + 1)
      if !predicted.isEmpty {
        windows.append(
          PerplexityWindow(
            tokens: start..<end, predicted: predicted, weight: end - covered - 1,
            startsAnew: false))
      }
      covered = end
      start += stride
    }
    return windows
  }
}
