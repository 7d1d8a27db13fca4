import Foundation
import GPTJSON
import GPTTokenizer
import Testing

@Suite struct GoldenIdsTests {
  @Test(
    arguments: ["gpt-2", "prefix-space", "smollm", "llama-bpe", "qwen2", "gpt-4o", "tekken"])
  func byteLevelIdsEqualThoseOfTokenizers(name: String) throws {
    let wrong = try Fixture.mismatches(
      try Fixture.byteLevel(name), golden: name, special: true)
    #expect(wrong.count == 0, "\(wrong.first)")
  }

  @Test(arguments: ["spm-bpe", "spm-unigram"])
  func sentencePieceIdsEqualThoseOfTheLibrary(name: String) throws {
    let tokenizer = try SentencePieceTokenizer(contentsOf: Fixture.folder + "/\(name).model")
    let wrong = try Fixture.mismatches(tokenizer, golden: name, special: false)
    #expect(wrong.count == 0, "\(wrong.first)")
  }

  @Test(.enabled(if: Fixture.hasShared, "../shared is absent"))
  func normalisingUnigramIdsEqualThoseOfTheLibrary() throws {
    let tokenizer = try SentencePieceTokenizer(
      contentsOf: Fixture.shared + "/unigram-1000.model")
    let wrong = try Fixture.mismatches(tokenizer, golden: "shared-unigram-1000", special: false)
    #expect(wrong.count == 0, "\(wrong.first)")
  }

  @Test(.enabled(if: Fixture.hasShared, "../shared is absent"))
  func gpt2IdsEqualThoseOfLlamaCpp() throws {
    let tokenizer = try VocabularyFiles.tokenizer(
      vocabularyPath: Fixture.shared + "/gpt2-encoder.json",
      mergesPath: Fixture.shared + "/gpt2-vocab.bpe", configuration: nil)
    let stem = Fixture.shared + "/ggml-vocab-gpt-2.gguf"
    let inputs = try String(contentsOfFile: stem + ".inp", encoding: .utf8)
    let outputs = try String(contentsOfFile: stem + ".out", encoding: .utf8)
    let texts = ScalarText.split(inputs, by: "\n__ggml_vocab_test__\n")
    let expected = ScalarText.split(outputs, by: "\n").map { line in
      line.split(separator: " ").compactMap { Int32($0) }
    }
    #expect(texts.count == 47)
    for (text, ids) in zip(texts, expected) {
      #expect(
        try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false) == ids,
        "\(text.debugDescription)")
    }
  }

  @Test(arguments: ["gpt-2", "smollm", "llama-bpe"])
  func decodingGivesTheTextBack(name: String) throws {
    let tokenizer = try Fixture.byteLevel(name)
    for text in try Fixture.rows("lines.jsonl").compactMap(\.string) {
      let ids = try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
      #expect(
        tokenizer.decode(ids, includeSpecialTokens: true).utf8.elementsEqual(text.utf8),
        "\(text.debugDescription)")
    }
  }

  @Test(arguments: [UInt8(ascii: "a"), UInt8(ascii: " ")])
  func aMegabyteWithoutAWordEndTakesSeconds(byte: UInt8) throws {
    let tokenizer = try Fixture.byteLevel("gpt-2")
    let text = String(decoding: [UInt8](repeating: byte, count: 1 << 20), as: UTF8.self)
    let start = ContinuousClock.now
    let ids = try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: true)
    #expect(tokenizer.decode(ids, includeSpecialTokens: true).utf8.count == 1 << 20)
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test func controlTokensAreTextUnlessAskedFor() throws {
    let tokenizer = try Fixture.byteLevel("gpt-2")
    let text = "<|im_start|>"
    #expect(try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: true) == [1])
    let plain = try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
    #expect(plain.count > 1 && !plain.contains(1))
    #expect(tokenizer.decode([1], includeSpecialTokens: false) == "")
    #expect(tokenizer.decode([1], includeSpecialTokens: true) == text)
    #expect(tokenizer.isSpecial(1) && tokenizer.piece(of: 1) == text)
  }
}
