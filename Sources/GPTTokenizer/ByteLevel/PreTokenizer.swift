/// How a byte-level BPE tokenizer cuts a text into words, within which merges happen.
///
/// Each case is a regular expression of a published tokenizer, run as a hand-written scanner.
public enum PreTokenizer: String, Sendable, CaseIterable {
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  case gpt2 = "gpt-2"
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|`
  /// ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  case llama3 = "llama-bpe"
  /// Llama 3's with single digits: `\p{N}`.
  case qwen2
  /// Every `\p{N}` on its own, then GPT-2's on what lies between.
  case smollm
  /// StarCoder's, the same as SmolLM's.
  case starcoder
  /// GPT-4o's: words change from upper to lower case once; contractions stay with their word.
  case gpt4o = "gpt-4o"
  /// Mistral's Tekken: GPT-4o's without contractions and with single digits.
  case tekken
  /// No cutting at all.
  case none

  /// Names of `tokenizer.ggml.pre` and the pre-tokeniser that each means.
  private static let namesInGGUF: [String: PreTokenizer] = [
    "gpt-2": .gpt2, "gpt2": .gpt2, "phi-2": .gpt2, "jina-es": .gpt2, "jina-de": .gpt2,
    "mpt": .gpt2, "olmo": .gpt2, "jais": .gpt2, "default": .gpt2, "roberta-bpe": .gpt2,
    "gigachat": .gpt2, "exaone4": .gpt2,
    "llama3": .llama3, "llama-v3": .llama3, "llama-bpe": .llama3, "falcon3": .llama3,
    "pixtral": .tekken, "dbrx": .llama3, "smaug-bpe": .llama3, "chatglm-bpe": .llama3,
    "glm4": .llama3,
    "qwen2": .qwen2, "stablelm2": .qwen2, "hunyuan": .qwen2, "deepseek-r1-qwen": .qwen2,
    "megrez": .qwen2,
    "smollm": .smollm, "starcoder": .starcoder, "refact": .starcoder, "command-r": .starcoder,
    "codeshell": .starcoder, "exaone": .starcoder, "minerva-7b": .starcoder,
    "gpt-4o": .gpt4o, "llama4": .gpt4o, "tekken": .tekken,
  ]

  /// The pre-tokeniser of a GGUF file; files written before the field existed mean GPT-2's.
  init?(ggufName name: String?) {
    guard let name else {
      self = .gpt2
      return
    }
    guard let found = Self.namesInGGUF[name] else { return nil }
    self = found
  }

  /// Calls `body` with the range of each word of `text`, in order and without gaps.
  func forEachWord(
    in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) throws(TokenizerError) -> Void
  ) throws(TokenizerError) {
    switch self {
    case .none: if !text.isEmpty { try body(0..<text.count) }
    case .smollm, .starcoder: try forEachWordBetweenDigits(in: text, body)
    default: try forEachWord(in: text, 0..<text.count, body)
    }
  }

  private func forEachWord(
    in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    _ body: (Range<Int>) throws(TokenizerError) -> Void
  ) throws(TokenizerError) {
    let scanner = WordScanner(UnsafeBufferPointer(rebasing: text[..<range.upperBound]))
    var start = range.lowerBound
    while start < range.upperBound {
      let end = max(wordEnd(scanner, from: start), start + 1)
      try body(start..<end)
      start = end
    }
  }

  private func forEachWordBetweenDigits(
    in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) throws(TokenizerError) -> Void
  ) throws(TokenizerError) {
    let scanner = WordScanner(text)
    var start = 0
    var position = 0
    while position < text.count {
      let (found, next) = scanner.character(at: position)
      if found.contains(.number) {
        try forEachWord(in: text, start..<position, body)
        try body(position..<next)
        start = next
      }
      position = next
    }
    try forEachWord(in: text, start..<text.count, body)
  }

  private func wordEnd(_ scanner: WordScanner, from start: Int) -> Int {
    switch self {
    case .gpt2, .smollm, .starcoder, .none: scanner.gpt2(start)
    case .llama3: scanner.llama3(start, digits: 3)
    case .qwen2: scanner.llama3(start, digits: 1)
    case .gpt4o: scanner.cased(start, digits: 3, contractions: true)
    case .tekken: scanner.cased(start, digits: 1, contractions: false)
    }
  }
}
