import GPT
import GPTTokenizer
import Synchronization

/// Ids 0..<256 are bytes, 256 begins and 257 ends a text, the rest are `extra`.
struct ByteTokenizer: Tokenizer {
  var extra: [String] = []
  var beginningOfSequence: Int32? = 256

  var vocabularySize: Int { 258 + extra.count }
  var summary: String { "bytes" }
  var endOfSequence: Int32? { 257 }

  func encode(
    _ text: String, addSpecialTokens: Bool, parseSpecialTokens: Bool
  ) throws(TokenizerError) -> [Int32] {
    let beginning = addSpecialTokens ? beginningOfSequence : nil
    return (beginning.map { [$0] } ?? []) + text.utf8.map { Int32($0) }
  }

  func bytes(of id: Int32, includeSpecialTokens: Bool) -> [UInt8] {
    if id < 256 { return [UInt8(id)] }
    return id < 258 ? [] : Array(extra[Int(id) - 258].utf8)
  }

  func decode(_ ids: [Int32], includeSpecialTokens: Bool) -> String {
    let bytes = ids.flatMap { self.bytes(of: $0, includeSpecialTokens: includeSpecialTokens) }
    return String(decoding: bytes, as: UTF8.self)
  }

  func piece(of id: Int32) -> String? { decode([id], includeSpecialTokens: true) }
  func id(ofPiece piece: String) -> Int32? { nil }
  func isSpecial(_ id: Int32) -> Bool { id == 256 || id == 257 }
}

/// A model whose logits are a function of all tokens so far.
struct FakePredictor: TokenPredictor {
  var vocabularySize = 258
  var contextLength = 4096
  var canDiscard = true
  /// Lengths of the calls that were made.
  let calls = CallLog()
  let logits: @Sendable ([Int32]) -> [Float]

  func makeState() -> any PredictorState { FakeState(self) }
  func makeBatch() -> any PredictorBatch { FakeBatch() }
}

/// Computes the sequences one after the other.
final class FakeBatch: PredictorBatch {
  func forward(_ parts: [PredictorPart]) throws(LanguageModelError) -> [[Float]] {
    var logits: [[Float]] = []
    for part in parts {
      logits.append(
        try part.wantsAllLogits
          ? part.state.forwardAll(part.tokens) : part.state.forward(part.tokens, logits: true))
    }
    return logits
  }
}

final class CallLog: Sendable {
  private let log = Mutex<[Int]>([])
  var lengths: [Int] { log.withLock { $0 } }
  func append(_ length: Int) { log.withLock { $0.append(length) } }
}

final class FakeState: PredictorState {
  private let model: FakePredictor
  private var tokens: [Int32] = []

  init(_ model: FakePredictor) { self.model = model }

  var tokenCount: Int { tokens.count }

  func forward(_ part: [Int32], logits: Bool) throws(LanguageModelError) -> [Float] {
    guard tokens.count + part.count <= model.contextLength else {
      throw .invalidModel("the cache is full")
    }
    tokens += part
    model.calls.append(part.count)
    return logits ? model.logits(tokens) : []
  }

  func forwardAll(_ part: [Int32]) throws(LanguageModelError) -> [Float] {
    var rows: [Float] = []
    for token in part { rows += try forward([token], logits: true) }
    return rows
  }

  func fork() -> any PredictorState {
    let copy = FakeState(model)
    copy.tokens = tokens
    return copy
  }

  func truncate(to count: Int) { tokens.removeSubrange(min(count, tokens.count)...) }

  func discard(_ range: Range<Int>) -> Bool {
    if model.canDiscard { tokens.removeSubrange(range) }
    return model.canDiscard
  }
}

extension LanguageModel {
  static func fake(
    _ predictor: FakePredictor, tokenizer: ByteTokenizer = ByteTokenizer()
  ) -> LanguageModel {
    let information = ModelInformation(
      path: "fake", architecture: "fake", name: nil, parameterCount: 0, storedTypes: [],
      storedBytes: 0, tokenizer: tokenizer.summary, vocabularySize: predictor.vocabularySize,
      contextLength: predictor.contextLength, width: 1, blockCount: 1, headCount: 1,
      keyValueHeadCount: 1, headWidth: 1, hiddenWidth: 1, hasChatTemplate: false,
      contextMemory: [])
    return LanguageModel(
      information: information, tokenizer: tokenizer, predictor: predictor, stopTokens: [257])
  }

  /// A model that goes on with `script` after a prompt of `promptLength` tokens, then ends.
  static func scripted(
    _ script: [Int32], promptLength: Int = 1, extra: [String] = []
  ) -> LanguageModel {
    let size = 258 + extra.count
    let predictor = FakePredictor(vocabularySize: size) { tokens in
      let position = tokens.count - promptLength
      return oneHot(script.indices.contains(position) ? script[position] : 257, size)
    }
    return fake(predictor, tokenizer: ByteTokenizer(extra: extra))
  }

  /// A model that always goes on with the letters of the alphabet.
  static func alphabet(contextLength: Int = 4096, canDiscard: Bool = true) -> LanguageModel {
    fake(
      FakePredictor(contextLength: contextLength, canDiscard: canDiscard) { tokens in
        let last = tokens.last ?? 0
        return oneHot(last >= 97 && last < 122 ? last + 1 : 97, 258)
      })
  }
}

func oneHot(_ id: Int32, _ size: Int) -> [Float] {
  var row = [Float](repeating: 0, count: size)
  row[Int(id)] = 9
  return row
}
