/// Splits text into words within which byte pairs merge.
///
/// The published tokenizers describe these splits as regular expressions; each is a scanner here.
/// In all, `C` stands for a contraction ('s 't 're 've 'm 'll 'd):
///
///     gpt2    C| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///     llama3  (?i:C)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+
///             |\s+(?!\S)|\s+
///     qwen2   as llama3, with single digits
///
/// Sources: Radford et al. 2019 (gpt2); the published tokenizer.json files of Llama 3 and Qwen2.
struct PreTokeniser: Sendable, Equatable {
  enum Pattern: Sendable, Equatable {
    case gpt2
    case llama3(maximumDigits: Int)
    /// The whole text is one word.
    case none
  }

  var pattern: Pattern
  /// Every digit is a word of its own before the pattern applies.
  var isolatesDigits = false

  /// The splits by the names that GGUF files give them (`tokenizer.ggml.pre`).
  static func named(_ name: String) -> PreTokeniser? {
    switch name {
    case "gpt-2", "gpt2", "default", "phi-2", "mpt", "olmo", "jina-es", "jina-de", "jina-v2-en",
      "jina-v2-es", "jina-v2-de", "roberta-bpe", "exaone4":
      PreTokeniser(pattern: .gpt2)
    case "smollm", "starcoder", "refact", "command-r", "codeshell":
      PreTokeniser(pattern: .gpt2, isolatesDigits: true)
    case "llama-bpe", "llama3", "llama-v3", "smaug-bpe", "dbrx", "falcon3":
      PreTokeniser(pattern: .llama3(maximumDigits: 3))
    case "qwen2", "stablelm2", "deepseek-r1-qwen":
      PreTokeniser(pattern: .llama3(maximumDigits: 1))
    default: nil
    }
  }

  static let supportedNames =
    "gpt-2, default, phi-2, olmo, smollm, starcoder, refact, command-r, llama-bpe, qwen2, stablelm2"

  /// Calls `body` with the UTF-8 bytes of each word in order.
  func forEachWord(of text: Substring.UTF8View, _ body: (ArraySlice<UInt8>) -> Void) {
    let bytes = Array(text)
    var scalars: [Unicode.Scalar] = []
    var offsets: [Int] = []
    scalars.reserveCapacity(bytes.count)
    offsets.reserveCapacity(bytes.count + 1)
    var offset = 0
    for scalar in Substring(text).unicodeScalars {
      scalars.append(scalar)
      offsets.append(offset)
      offset += UTF8.width(scalar)
    }
    offsets.append(offset)
    let classes = scalars.map(CharacterClass.init)
    var start = 0
    while start < scalars.count {
      var end = scalars.count
      if isolatesDigits {
        if classes[start] == .number {
          end = start + 1
        } else {
          end = classes[start...].firstIndex(of: .number) ?? scalars.count
        }
      }
      let scanner = WordScanner(scalars: scalars, classes: classes, end: end)
      while start < end {
        let next = min(end, scanner.wordEnd(from: start, pattern: pattern))
        body(bytes[offsets[start]..<offsets[next]])
        start = next
      }
    }
  }
}

/// Finds where the word that begins at a position ends.
private struct WordScanner {
  let scalars: [Unicode.Scalar]
  let classes: [CharacterClass]
  /// What lies from here on does not exist for the pattern.
  let end: Int

  func wordEnd(from start: Int, pattern: PreTokeniser.Pattern) -> Int {
    switch pattern {
    case .none: end
    case .gpt2: gpt2End(start)
    case .llama3(let maximumDigits): llama3End(start, maximumDigits: maximumDigits)
    }
  }

  private func run(_ start: Int, limit: Int = .max, while condition: (CharacterClass) -> Bool) -> Int
  {
    var index = start
    while index < end, index - start < limit, condition(classes[index]) { index += 1 }
    return index
  }

  private func gpt2End(_ start: Int) -> Int {
    if let contraction = contractionEnd(start, ignoringCase: false) { return contraction }
    let body = scalars[start] == " " ? start + 1 : start
    if body < end, !classes[body].isSpace {
      // A line end never joins what follows, and letters, digits and the rest do not mix.
      let kind = classes[body]
      return run(body) { $0 == kind }
    }
    return spaceEnd(start)
  }

  private func llama3End(_ start: Int, maximumDigits: Int) -> Int {
    if let contraction = contractionEnd(start, ignoringCase: true) { return contraction }
    let kind = classes[start]
    if kind == .letter { return run(start) { $0 == .letter } }
    if kind == .other || kind == .space, start + 1 < end, classes[start + 1] == .letter {
      return run(start + 1) { $0 == .letter }
    }
    if kind == .number { return run(start, limit: maximumDigits) { $0 == .number } }
    let body = scalars[start] == " " ? start + 1 : start
    if body < end, classes[body] == .other {
      return run(run(body) { $0 == .other }) { $0 == .lineEnd }
    }
    let spaces = run(start) { $0.isSpace }
    if let last = classes[start..<spaces].lastIndex(of: .lineEnd) { return last + 1 }
    return spaceEnd(start)
  }

  /// White space up to the text's end, or all but the last, which belongs to the next word.
  private func spaceEnd(_ start: Int) -> Int {
    let spaces = run(start) { $0.isSpace }
    return spaces == end || spaces - start == 1 ? max(spaces, start + 1) : spaces - 1
  }

  private func contractionEnd(_ start: Int, ignoringCase: Bool) -> Int? {
    guard scalars[start] == "'", start + 1 < end else { return nil }
    func folded(_ index: Int) -> Unicode.Scalar? {
      guard index < end else { return nil }
      let scalar = scalars[index]
      guard ignoringCase else { return scalar }
      // U+017F folds to s under Unicode's simple case folding.
      if scalar.value == 0x17f { return "s" }
      if (0x41...0x5a).contains(scalar.value) { return Unicode.Scalar(scalar.value + 32) }
      return scalar
    }
    switch (folded(start + 1), folded(start + 2)) {
    case ("s", _), ("t", _), ("m", _), ("d", _): return start + 2
    case ("r", "e"), ("v", "e"), ("l", "l"): return start + 3
    default: return nil
    }
  }
}
